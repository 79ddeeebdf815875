"""What a ``--data`` option may name.

``digits``                      the embedded default
a directory of IDX files        MNIST, Fashion-MNIST: ``train-*`` and ``t10k-*``, or ``test-*``
a directory of databases        LMDB or LevelDB, as Caffe's tools write them
a directory of classes          directories of images, one a class
``train=PATH,test=PATH``        the parts of these two by name, see `parts`
``file.npz``                    ``x_train, y_train, x_test, y_test``, or ``x, y``
``package.module:callable``     returns ``(train, test)``, two torch datasets (anything with a
                                length that gives ``(image, label)`` by index)

Pixels are 0…255 in every source; the model's input transform is applied later.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cortado import files
from cortado.data.arrays import read_arrays
from cortado.data.digits import load_digits
from cortado.data.idx import parse_idx
from cortado.data.images import ImageForm
from cortado.data.parts import find_parts, name_parts, open_parts
from cortado.data.samples import ArraySamples, Batch, Samples
from cortado.data.splits import Dataset, from_train_and_test, from_whole
from cortado.errors import CortadoError
from cortado.model.typing import Array, IntArray
from cortado.plugins import foreign_code, import_module

__all__ = ["check_pixels", "open_data"]

_CALLABLE = re.compile(r"[\w.]+:\w+")


def open_data(spec: str, form: ImageForm = ImageForm()) -> Dataset:
    """Return the data set that a ``--data`` option names.

    Parameters
    ----------
    spec : str
        What the option says.
    form : ImageForm
        What image files are turned into: `Feed.form` of the model that takes them.

    Raises
    ------
    CortadoError
        If there is no such source, or its files are damaged.
    """
    if spec == "digits":
        return from_whole(load_digits())
    if spec.endswith(".npz"):
        return _open_npz(spec)
    if _CALLABLE.fullmatch(spec):
        return _open_callable(spec)
    parts = name_parts(spec) or find_parts(spec)
    return open_parts(parts, form) if parts else _open_idx(spec)


def _open_idx(directory: str) -> Dataset:
    names = files.list_names(directory)
    if not any("ubyte" in name for name in names):
        raise CortadoError(
            f"--data {directory} is none of: digits, a directory of IDX files, of databases "
            "(LMDB, LevelDB) or of image classes, a .npz file, package.module:callable"
        )
    train = _read_idx_pair(directory, names, ("train",))
    test = _read_idx_pair(directory, names, ("t10k", "test"))
    _check_sizes(train, test, directory)
    return from_train_and_test(train, test)


def _read_idx_pair(directory: str, names: list[str], prefixes: tuple[str, ...]) -> ArraySamples:
    images = _read_idx(directory, names, prefixes, "images")
    labels = _read_idx(directory, names, prefixes, "labels")
    return _arrays(images, labels, directory)


def _read_idx(directory: str, names: list[str], prefixes: tuple[str, ...], kind: str) -> Array:
    for name in names:
        if name.startswith(prefixes) and kind in name and "ubyte" in name:
            path = f"{directory.rstrip('/')}/{name}"
            return parse_idx(files.read(path), path)
    wanted = " or ".join(f"{prefix}-{kind}-…-ubyte[.gz]" for prefix in prefixes)
    raise CortadoError(f"{directory} has no {wanted}")


def _open_npz(path: str) -> Dataset:
    arrays = read_arrays(path)
    if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
        train = _arrays(arrays["x_train"], arrays["y_train"], path)
        test = _arrays(arrays["x_test"], arrays["y_test"], path)
        _check_sizes(train, test, path)
        return from_train_and_test(train, test)
    if {"x", "y"} <= arrays.keys():
        return from_whole(_arrays(arrays["x"], arrays["y"], path))
    raise CortadoError(
        f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}; "
        "it needs x_train, y_train, x_test, y_test, or x, y"
    )


def _arrays(pixels: Array, labels: Array, source: str) -> ArraySamples:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise CortadoError(
            f"{source}: the labels are {labels.dtype} of shape {list(labels.shape)}, "
            "not one integer an image"
        )
    if len(labels) == 0 or labels.min() < 0:
        raise CortadoError(f"{source}: " + ("a label is negative" if len(labels) else "no images"))
    return ArraySamples(check_pixels(pixels, source), labels.astype(np.int64))


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
    return _with_channels(pixels)


def _finite(pixels: Array, source: str) -> Array:
    """Return images as float32; refuse those with pixels that are NaN, or too large for it."""
    with np.errstate(over="ignore"):
        pixels = pixels.astype(np.float32, copy=False)
    wrong = ~np.isfinite(pixels).reshape(len(pixels), -1).all(axis=1)
    if wrong.any():
        raise CortadoError(f"{source}: image {wrong.argmax()} has pixels that are no numbers")
    return pixels


def _check_sizes(train: ArraySamples, test: ArraySamples, source: str) -> None:
    """Refuse parts whose images differ in size."""
    if train.pixels.shape[1:] != test.pixels.shape[1:]:
        raise CortadoError(
            f"{source}: training images have the shape {list(train.pixels.shape[1:])}, "
            f"test images {list(test.pixels.shape[1:])}"
        )


def _with_channels(pixels: Array) -> Array:
    """Give grey images their channel: (n, h, w) → (n, 1, h, w)."""
    return pixels[:, None] if pixels.ndim == 3 else pixels


@dataclass(frozen=True)
class _IndexedSamples:
    """A torch dataset, or whatever gives ``(image, label)`` by index."""

    items: Sequence[tuple[Any, Any]]

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def labels(self) -> IntArray:
        """All labels; reads every item once."""
        with foreign_code("the data set of --data"):
            labels = np.array([int(self.items[i][1]) for i in range(len(self.items))], np.int64)
        if labels.min() < 0:
            raise CortadoError("the data set of --data gives a label that is negative")
        return labels

    def take(self, indices: IntArray) -> Batch:
        """Read some of the images."""
        with foreign_code("the data set of --data"):
            images = np.stack([np.asarray(self.items[int(i)][0], np.float32) for i in indices])
        return Batch(_with_channels(images), self.labels[indices])


def _open_callable(spec: str) -> Dataset:
    module_name, _, function_name = spec.partition(":")
    try:
        function = getattr(import_module(module_name, f"--data {spec}"), function_name)
    except AttributeError as error:
        raise CortadoError(f"--data {spec} cannot be imported: {error}") from error
    with foreign_code(f"--data {spec}"):
        parts = function()
    if not isinstance(parts, tuple) or len(parts) != 2:
        raise CortadoError(f"--data {spec} returned no pair (train, test)")
    train, test = (_check_indexed(part, spec) for part in parts)
    return from_train_and_test(train, test)


def _check_indexed(items: Any, spec: str) -> Samples:
    if not hasattr(items, "__len__") or not hasattr(items, "__getitem__") or not len(items):
        raise CortadoError(f"--data {spec} returned a part without length or items")
    return _IndexedSamples(items)
