"""A model beside values that its blobs are known to have: the first that differs, and where.

The known values are what another program computed for the same net, such as ``net.blobs`` of
Caffe after a run: the inputs, and any other blobs. The model runs on the inputs in onnxruntime,
with every blob that is known as an output. With a the model's values and b the known ones

    difference = max |a - b| / max |b|

over all elements; of a blob of zeros, max |a - b|. NaN and infinities must be where they are known
to be.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError, LimitNotMetError, names_near
from cortado.model.graph.blobs import NamedBlob, blobs_of
from cortado.model.graph.exposed import expose
from cortado.model.onnx_io.serial import encode
from cortado.model.typing import Array
from cortado.runtime import Runtime

__all__ = ["CheckedBlob", "Verdict", "check_blobs", "check_limit"]

Verdict = Literal[
    "same", "differs", "other shape", "input", "overwritten", "not in the model", "unknown"
]


@dataclass(frozen=True)
class CheckedBlob:
    """A known blob, and what became of it.

    Attributes
    ----------
    name, layer : str
        The blob, and the layer that makes it; an empty layer where it is an input or unknown.
    shape : tuple of int
        The shape that it is known to have.
    difference : float or None
        The largest difference, relative to the largest value that is known; None where nothing
        was compared.
    verdict : str
        ``same`` or ``differs``, by more than the tolerance; ``other shape``; ``input``, which was
        fed; ``overwritten``: in Caffe's memory something else has taken its place;
        ``not in the model``: a loss or an unused blob, which the import leaves out;
        ``unknown``: neither the model nor the net that it came from has such a blob.
    near : str
        The names nearest to an unknown one.
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    difference: float | None
    verdict: Verdict
    near: str = ""


def check_blobs(
    model: ir.Model,
    blobs: Sequence[NamedBlob],
    known: Mapping[str, Array],
    tolerance: float = 1e-5,
) -> tuple[CheckedBlob, ...]:
    """Return what became of each known blob, in the order of the net.

    Parameters
    ----------
    model : onnx_ir.Model
        The model.
    blobs : sequence of NamedBlob
        Its blobs, in the order of the net, and those that the import left out.
    known : mapping of str to array
        Blob → values. A model with one input takes the only array that no blob is called after
        as the input.
    tolerance : float
        The largest relative difference of blobs that are the same.

    Raises
    ------
    CortadoError
        If an input is not known, or nothing else is.
    """
    sources = _sources(model, blobs, known)
    feeds = {value: known[name] for value, name in sources.items()}
    values = {blob.value for blob in blobs_of(model)} | {*model.graph.initializers}
    named = [
        blob
        for blob in blobs
        if blob.value in values  # some are computed for nobody
        and blob.name in known
        and blob.name not in sources.values()
    ]
    if all(blob.overwritten for blob in named):
        raise CortadoError(f"none of the arrays is a blob that the net makes: {', '.join(known)}")
    found = _run(model, {blob.value for blob in named}, feeds)
    inputs = [_unchecked(name, known[name], "input") for name in sources.values()]
    checked = [_check(blob, known[blob.name], found[blob.value], tolerance) for blob in named]
    strangers = known.keys() - {blob.name for blob in (*inputs, *checked)}
    others = [
        _missing(name, known[name], blobs)
        for name in known
        if name in strangers and not _is_split(name, blobs)
    ]
    return (*inputs, *checked, *others)


def check_limit(checked: Sequence[CheckedBlob], tolerance: float) -> None:
    """Raise `LimitNotMetError`, which names the first blob that differs or is unknown, if any."""
    wrong = [blob for blob in checked if blob.verdict in ("differs", "other shape")]
    if wrong:
        first = wrong[0]
        how = (
            "has another shape"
            if first.difference is None
            else f"differs by {first.difference:.2g} of its scale, more than {tolerance:g}"
        )
        raise LimitNotMetError(
            f"blob {first.name!r} of layer {first.layer!r} {how}; "
            f"it is the first of {len(wrong)} that differ"
        )
    for blob in checked:
        if blob.verdict == "unknown":
            raise LimitNotMetError(f"the net has no blob {blob.name!r}; {blob.near}")


def _sources(
    model: ir.Model, blobs: Sequence[NamedBlob], known: Mapping[str, Array]
) -> dict[str, str]:
    """Return the array that each input of the model is fed with."""
    inputs = [str(value.name) for value in model.graph.inputs]
    strangers = known.keys() - {blob.name for blob in blobs} - set(inputs)
    if len(inputs) == 1 and inputs[0] not in known and len(strangers) == 1:
        return {inputs[0]: strangers.pop()}
    for name in inputs:
        if name not in known:
            raise CortadoError(f"there are no values of the input {name!r}: {', '.join(known)}")
    return {name: name for name in inputs}


def _run(model: ir.Model, names: set[str], feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Return the values of that name, be they inputs, constants or computed."""
    constants = {
        name: value.const_value.numpy()
        for name, value in model.graph.initializers.items()
        if value.const_value is not None
    }
    types = {str(v.name): v.dtype.numpy() for v in model.graph.inputs if v.dtype is not None}
    typed = {name: array.astype(types.get(name, array.dtype)) for name, array in feeds.items()}
    session = Runtime().open(encode(expose(model, sorted(names - constants.keys()))))
    return {**constants, **typed, **session.run(typed)}


def _is_split(name: str, blobs: Sequence[NamedBlob]) -> bool:
    """Return whether a blob is a copy that Caffe makes of one that several layers read."""
    return re.search(r"_\d+_split_\d+$", name) is not None and any(
        name.startswith(f"{blob.name}_") for blob in blobs
    )


def _unchecked(name: str, known: Array, verdict: Verdict) -> CheckedBlob:
    return CheckedBlob(name, "", known.shape, None, verdict)


def _missing(name: str, known: Array, blobs: Sequence[NamedBlob]) -> CheckedBlob:
    names = [blob.name for blob in blobs]
    if name in names:
        return _unchecked(name, known, "not in the model")
    return CheckedBlob(name, "", known.shape, None, "unknown", names_near(name, names))


def _check(blob: NamedBlob, known: Array, found: Array, tolerance: float) -> CheckedBlob:
    difference = None if blob.overwritten else _difference(found, known)
    verdict: Verdict = "other shape"
    if blob.overwritten:
        verdict = "overwritten"
    elif difference is not None:
        verdict = "same" if difference <= tolerance else "differs"
    return CheckedBlob(blob.name, blob.layer, known.shape, difference, verdict)


def _difference(found: Array, known: Array) -> float | None:
    """Return the largest difference relative to the known values; None for another shape."""
    if found.shape != known.shape:
        return None
    a, b = found.astype(np.float64), known.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    scale = float(np.abs(b[finite]).max(initial=0.0))
    return float(np.abs(a[finite] - b[finite]).max(initial=0.0)) / (scale or 1.0)
