"""A model → the .caffemodel of the net that it came from.

The net is imported once more with numbers for weights (see `numbering`), which says where in
the model each value of each blob is. What the import folded comes back so that Caffe computes
the same:

    factor of BatchNorm             1, as mean and variance are divided by it already
    masks                           1 where a weight is left, 0 where it is not
    trained scale of a BatchNorm    Caffe's has none: the Scale layer behind it takes it (`absorb`)

The result is imported as a test: it must give the same model, value for value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import prod

import numpy as np
import onnx_ir as ir

from cortado.caffe.absorb import absorb
from cortado.caffe.caffemodel import CaffeWeights, read_caffemodel
from cortado.caffe.convert import Imported, import_caffe
from cortado.caffe.net import LayerSpec, read_net
from cortado.caffe.numbering import FIRST, Numbering
from cortado.caffe.options import CaffeOptions
from cortado.caffe.parameters import Loaded
from cortado.caffe.writer import LayerBlobs, write_caffemodel
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["Exported", "export_caffe"]


@dataclass(frozen=True)
class Exported:
    """A caffemodel.

    Attributes
    ----------
    data : bytes
        The file.
    layers : tuple of LayerBlobs
        What it holds.
    notes : tuple of str
        What the user should know, a line each.
    """

    data: bytes
    layers: tuple[LayerBlobs, ...]
    notes: tuple[str, ...]


def export_caffe(
    model: ir.Model,
    prototxt: str,
    original: CaffeWeights | None = None,
    options: CaffeOptions = CaffeOptions(),
) -> Exported:
    """Return the caffemodel that makes the net of `prototxt` compute what `model` computes.

    Parameters
    ----------
    model : onnx_ir.Model
        A dense model that came from this net, perhaps with other values.
    prototxt : str
        The text of the prototxt.
    original : CaffeWeights, optional
        The weights that the model came from: they give the blobs that the model does not hold,
        and tell how many blobs each layer has where that is open.
    options : CaffeOptions
        As for the import; the shapes of inputs are those of the model.

    Raises
    ------
    CortadoError
        If the model is not of this net, or has values that the net has no place for.
    """
    options = _with_shapes(options, model)
    stored = {} if original is None else {k: len(v) for k, v in original.layers.items() if v}
    numbers = Numbering(stored)
    template = import_caffe(prototxt, numbers, options)
    _check_nodes(template.model, model)
    wanted, found = _initializers(template.model), _initializers(model)
    _check_shapes(wanted, found)
    fixed = {name: array for name, array in wanted.items() if not _is_numbered(array)}
    found = absorb(model, found, fixed)
    for name, array in fixed.items():
        if not np.array_equal(found[name], array, equal_nan=True):
            raise CortadoError(f"{name} has other values in the model than in the net")
    values = _Values(wanted, found, numbers.end)
    layers = [values.blobs(loaded, original) for loaded in template.loaded]
    if not layers:
        raise CortadoError("the net has no parameters: there is nothing to write")
    others = [x for x in read_net(prototxt, options).layers if x.name not in _names(layers)]
    more, notes = _beside_the_model(others, original, _shared(template.loaded, layers))
    data = write_caffemodel(template.net.name, [*layers, *more])
    _check_result(import_caffe(prototxt, read_caffemodel(data), options), found)
    return Exported(data, (*layers, *more), notes)


class _Values:
    """The value that belongs to each number."""

    def __init__(self, wanted: Mapping[str, Array], found: Mapping[str, Array], end: int) -> None:
        self._values = np.zeros(end, np.float32)
        self._known = np.zeros(end, np.bool_)
        for name, numbers in wanted.items():
            if _is_numbered(numbers):
                places = _places(numbers)
                self._values[places] = found[name].ravel()
                self._known[places] = True

    def blobs(self, loaded: Loaded, original: CaffeWeights | None) -> LayerBlobs:
        """Return the blobs of a layer.

        What the model does not hold is as it was: BatchNorm's statistics, say, where the net
        uses those of the batch.
        """
        arrays: dict[str, Array] = {}
        for i, (spec, parameter) in enumerate(zip(loaded.specs, loaded.blobs, strict=True)):
            if spec.folded:
                masked = arrays.get(spec.role.removesuffix("_mask"))
                arrays[spec.role] = parameter.array if masked is None else masked != 0
            elif self._known[_places(parameter.array)].all():
                arrays[spec.role] = self._values[_places(parameter.array)].reshape(spec.shape)
            else:
                arrays[spec.role] = _as_it_was(loaded, i, original)
        return LayerBlobs(loaded.layer.name, loaded.layer.type, tuple(arrays.values()))


def _as_it_was(loaded: Loaded, index: int, original: CaffeWeights | None) -> Array:
    layer, spec = loaded.layer, loaded.specs[index]
    stored = original.layers.get(layer.name, ()) if original else ()
    blob = stored[index] if index < len(stored) else None
    array = None if blob is None else blob.fit(spec.shape)
    if array is None:
        raise layer.refuse(f"its {spec.role} is not in the model; give the weights that it had")
    return array


def _places(numbers: Array) -> slice | Array:
    """Return numbers as an index: as a slice where they follow one another, as most do."""
    flat = numbers.ravel()
    first, end = int(flat[0]), int(flat[0]) + flat.size
    if int(flat[-1]) == end - 1 and np.array_equal(flat, np.arange(first, end, dtype=flat.dtype)):
        return slice(first, end)
    return flat.astype(np.intp, copy=False)


def _is_numbered(array: Array) -> bool:
    """Return whether an initializer holds numbers, of which the first is `FIRST`, not constants."""
    return array.dtype in (np.int32, np.float64) and bool((array >= FIRST).any())


def _with_shapes(options: CaffeOptions, model: ir.Model) -> CaffeOptions:
    """Let the inputs of the net have the shapes that they have in the model, an open size as 1."""
    shapes = {
        str(value.name): tuple(size if isinstance(size, int) else 1 for size in value.shape)
        for value in model.graph.inputs
        if value.shape is not None
    }
    return replace(options, input_shapes={**shapes, **options.input_shapes})


def _initializers(model: ir.Model) -> dict[str, Array]:
    return {
        name: value.const_value.numpy()
        for name, value in model.graph.initializers.items()
        if value.const_value is not None
    }


def _check_nodes(net: ir.Model, model: ir.Model) -> None:
    """Refuse a model of another net: its nodes must be those that the import makes."""
    expected, found = ([_describe(node) for node in m.graph] for m in (net, model))
    for one, other in zip_longest(expected, found):
        if one != other:
            raise CortadoError(
                f"the model does not come from this net: it has {other or 'no more nodes'} "
                f"where the net has {one or 'no more nodes'}; what it was imported with, such as "
                "--cut-at or --phase, must be given again"
            )


def _describe(node: ir.Node) -> str:
    inputs, outputs = (
        ", ".join(str(value.name) for value in values if value is not None)
        for values in (node.inputs, node.outputs)
    )
    return f"{node.op_type} ({inputs} → {outputs})"


def _check_shapes(wanted: Mapping[str, Array], found: Mapping[str, Array]) -> None:
    for name, array in wanted.items():
        if name not in found:
            raise CortadoError(f"the model has no {name}, which the net needs")
        if found[name].shape != array.shape:
            raise CortadoError(
                f"{name} has the shape {list(found[name].shape)} in the model "
                f"and {list(array.shape)} in the net"
            )


def _names(layers: Sequence[LayerBlobs]) -> set[str]:
    return {layer.name for layer in layers}


def _shared(loaded: Sequence[Loaded], layers: Sequence[LayerBlobs]) -> dict[str, Array]:
    """Return the values of the blobs that have a name in the net, by that name."""
    return {
        param.name: array
        for each, blobs in zip(loaded, layers, strict=True)
        for param, array in zip(each.layer.params, blobs.arrays, strict=False)
        if param.name
    }


def _beside_the_model(
    others: Iterable[LayerSpec], original: CaffeWeights | None, shared: Mapping[str, Array]
) -> tuple[list[LayerBlobs], tuple[str, ...]]:
    """Return the blobs of layers that the model has not, as they lead to no output.

    They are as they were, but for those that the model has in another layer: Caffe takes the last
    copy of a shared blob, whichever layer has it.
    """
    layers: list[LayerBlobs] = []
    notes: list[str] = []
    for layer in others:
        stored = original.layers.get(layer.name, ()) if original else ()
        names = [*(param.name for param in layer.params), *[""] * len(stored)]
        blobs = [
            _copy(layer, shared[name], blob.array.shape) if name in shared else blob.array
            for name, blob in zip(names, stored, strict=False)
            if blob is not None
        ]
        if blobs:
            layers.append(LayerBlobs(layer.name, layer.type, tuple(blobs)))
            rest = ", but for what it shares" if not shared.keys().isdisjoint(names) else ""
            notes.append(
                f"layer {layer.name!r} ({layer.type}) leads to no output: it is as it was{rest}"
            )
    return layers, tuple(notes)


def _copy(layer: LayerSpec, array: Array, shape: tuple[int, ...]) -> Array:
    if prod(shape) != array.size:
        raise layer.refuse(
            f"it shares a blob of shape {list(array.shape)}; the weights have {list(shape)} for it"
        )
    return array.reshape(shape)


def _check_result(result: Imported, found: Mapping[str, Array]) -> None:
    for name, array in _initializers(result.model).items():
        if not np.array_equal(array, found[name], equal_nan=True):
            raise CortadoError(f"{name} cannot be written into a caffemodel as it is in the model")
