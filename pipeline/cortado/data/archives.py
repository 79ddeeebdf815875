"""Arrays in an ``.npz`` or ``.npy`` file, as samples.

``x_train, y_train, x_test, y_test``   images and targets, in two parts
``x, y``                               images and targets, undivided
``x``, or an ``.npy`` file             images alone
``images, labels`` and the like        the only input of the model and its targets
names of the model's inputs            any samples; targets are called ``target`` or after outputs;
                                       parts have the prefixes ``train/``, ``val/``, ``test/``
"""

from collections.abc import Mapping

import numpy as np

from cortado.data.arrays import read_arrays
from cortado.data.forms import DataForm, Wanted
from cortado.data.samples import TARGET, ArraySamples, Samples, labelled_images
from cortado.data.signature import Signature
from cortado.data.splits import Dataset, from_train_and_test, from_whole
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["ARCHIVE", "check_pixels", "check_targets", "divide_names", "open_archive"]

_PARTS = ("train", "val", "test")
_TARGETS = (TARGET, "targets", "label", "labels", "y")


def open_archive(path: str, signature: Signature) -> Dataset:
    """Return the data set of a file of arrays.

    Raises
    ------
    CortadoError
        If the file is damaged, or its arrays belong to no input or output of the model.
    """
    arrays = read_arrays(path)
    if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
        train, test = (_images(arrays, f"_{part}", path) for part in ("train", "test"))
        _check_sizes(train, test, path)
        return from_train_and_test(train, test)
    if arrays.keys() <= {"x", "y"} and "x" in arrays and not _is_named(signature):
        return from_whole(_images(arrays, "", path))
    if not any(signature.is_input(name.rpartition("/")[2]) for name in arrays):
        arrays = _renamed(arrays, signature)
    if not any(signature.is_input(name.rpartition("/")[2]) for name in arrays):
        raise CortadoError(
            f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}; it needs x_train, y_train, "
            f"x_test, y_test, or x, y, or arrays named after the inputs of the model"
            + (f": {', '.join(signature.inputs)}" if signature.inputs else "")
        )
    return _open_named(arrays, signature, path)


def _is_named(signature: Signature) -> bool:
    """Return whether ``x`` and ``y`` are names of an input and of one of several outputs."""
    several = len(signature.outputs) > 1 and "y" in signature.outputs
    return signature.is_input("x") and several


def _renamed(arrays: Mapping[str, Array], signature: Signature) -> dict[str, Array]:
    """Return arrays by the names of the only input and the target, where those are clear."""
    if len(signature.inputs) != 1:
        return dict(arrays)
    plain = {name.rpartition("/")[2] for name in arrays}
    others = {name for name in plain if name not in (*_TARGETS, *signature.outputs)}
    if len(others) != 1 or len(plain) > 2:
        return dict(arrays)
    names = dict.fromkeys(plain & {*_TARGETS}, TARGET) | {others.pop(): signature.inputs[0]}
    found = {}
    for name, array in arrays.items():
        part, _, last = name.rpartition("/")
        found[f"{part}/{names.get(last, last)}" if part else names.get(last, last)] = array
    return found


def _open_named(arrays: Mapping[str, Array], signature: Signature, path: str) -> Dataset:
    parts: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        part, _, rest = name.partition("/")
        part, rest = (part, rest) if rest and part in _PARTS else ("", name)
        parts.setdefault(part, {})[rest] = array
    opened = {part: _named(found, signature, path) for part, found in parts.items()}
    if opened.keys() == {""}:
        return from_whole(opened[""])
    if "" in opened or "train" not in opened or len(opened) == 1:
        raise CortadoError(
            f"{path} must have all arrays in the parts train/ and test/, perhaps val/, or none"
        )
    if len(opened) == len(_PARTS):
        return Dataset(opened["train"], opened["val"], opened["test"])
    return from_train_and_test(
        opened["train"], opened.get("test", opened.get("val", opened["train"]))
    )


def _named(arrays: Mapping[str, Array], signature: Signature, path: str) -> ArraySamples:
    inputs, targets = divide_names(arrays, signature, path)
    for name, array in inputs.items():
        if array.ndim and not len(array):
            raise CortadoError(f"{path}: {name!r} holds no samples: its shape is {array.shape}")
        check_finite(array, f"{path}: {name!r}")
    if not any(array.ndim for array in inputs.values()):
        raise CortadoError(f"{path} has no array with an axis of samples")
    try:
        return ArraySamples(inputs, targets)
    except CortadoError as error:
        raise CortadoError(f"{path}: {error}") from error


def divide_names(
    arrays: Mapping[str, Array], signature: Signature, source: str
) -> tuple[dict[str, Array], dict[str, Array] | None]:
    """Return inputs and targets of named arrays; targets are None where there are none.

    Raises
    ------
    CortadoError
        If a name is neither an input nor a target, or an input is missing.
    """
    inputs = {name: array for name, array in arrays.items() if signature.is_input(name)}
    targets = {name: array for name, array in arrays.items() if signature.is_target(name)}
    for name in arrays:
        if name not in inputs and name not in targets:
            known = ", ".join((*signature.inputs, *signature.states, "target", *signature.outputs))
            raise CortadoError(f"{source} has {name!r}, which is not one of: {known}")
    for name in signature.inputs:
        if name not in inputs:
            raise CortadoError(f"{source} lacks the input {name!r} of the model")
    for name, array in inputs.items():
        if array.dtype.kind not in "biuf":
            raise CortadoError(f"{source}: the input {name!r} is {array.dtype}, not numbers")
    return inputs, check_targets(targets, source) if targets else None


def check_targets(targets: Mapping[str, Array], source: str) -> dict[str, Array]:
    """Return targets with integers as int64 and floats as float32; refuse what are none."""
    checked = {}
    for name, array in targets.items():
        if array.dtype.kind not in "biufU":
            raise CortadoError(f"{source}: the targets {name!r} are {array.dtype}, not numbers")
        if array.dtype.kind == "f":
            array = check_finite(array.astype(np.float32), f"{source}: {name!r}")
        checked[name] = array.astype(np.int64) if array.dtype.kind in "biu" else array
    return checked


def check_finite(array: Array, source: str) -> Array:
    """Return an array; refuse one with numbers that are NaN or infinite."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        wrong = ~np.isfinite(array).reshape(max(len(array), 1) if array.ndim else 1, -1).all(axis=1)
        raise CortadoError(f"{source}: sample {wrong.argmax()} is NaN or infinite")
    return array


def _images(arrays: Mapping[str, Array], suffix: str, path: str) -> ArraySamples:
    """Return the images ``x`` with the targets ``y``, if there are any."""
    pixels, targets = arrays[f"x{suffix}"], arrays.get(f"y{suffix}")
    if targets is not None:
        _check_labels(targets, path)
        (targets,) = check_targets({"y": targets}, path).values()
    pixels = check_pixels(pixels, path)
    if targets is not None and len(targets) != len(pixels):
        raise CortadoError(f"{path}: {len(pixels)} images have {len(targets)} labels")
    return labelled_images(pixels, targets)


def _check_labels(labels: Array, source: str) -> None:
    if len(labels) == 0:
        raise CortadoError(f"{source}: no images")
    if labels.ndim == 1 and labels.dtype.kind == "i" and labels.min() < 0:
        raise CortadoError(f"{source}: a label is negative")


def check_pixels(pixels: Array, source: str) -> Array:
    """Return images as (n, channels, …) or (n, features); refuse what are none."""
    if pixels.dtype.kind not in "iuf" or pixels.ndim < 2:
        raise CortadoError(
            f"{source}: the images are {pixels.dtype} of shape {list(pixels.shape)}, "
            "not numbers of shape (n, …)"
        )
    if not pixels.size:
        raise CortadoError(f"{source}: no images: the array is of shape {list(pixels.shape)}")
    if pixels.dtype.kind == "f":
        pixels = _finite(pixels, source)
    return pixels[:, None] if pixels.ndim == 3 else pixels  # grey images get their channel


def _finite(pixels: Array, source: str) -> Array:
    """Return images as float32; refuse those with pixels that are NaN, or too large for it."""
    with np.errstate(over="ignore"):
        pixels = pixels.astype(np.float32, copy=False)
    wrong = ~np.isfinite(pixels).reshape(len(pixels), -1).all(axis=1)
    if wrong.any():
        raise CortadoError(f"{source}: image {wrong.argmax()} has pixels that are no numbers")
    return pixels


def _check_sizes(train: Samples, test: Samples, source: str) -> None:
    """Refuse parts whose images differ in size."""
    shapes = [
        next(iter(part.take(np.zeros(1, np.int64)).inputs.values())).shape[1:]
        for part in (train, test)
    ]
    if shapes[0] != shapes[1]:
        raise CortadoError(
            f"{source}: training images have the shape {list(shapes[0])}, "
            f"test images {list(shapes[1])}"
        )


def _open(path: str, wanted: Wanted) -> Dataset:
    return open_archive(path, wanted.signature)


ARCHIVE = DataForm("a .npz or .npy file", lambda spec: spec.endswith((".npz", ".npy")), _open)
