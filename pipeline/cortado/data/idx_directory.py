"""Directories of IDX files: MNIST, Fashion-MNIST and others, with a training and a test part.

Files are ``train-images-…-ubyte``, ``train-labels-…``, and ``t10k-…`` or ``test-…``, perhaps
compressed by gzip.
"""

from cortado import files
from cortado.data.archives import check_pixels
from cortado.data.forms import DataForm, Wanted, directories
from cortado.data.idx import parse_idx
from cortado.data.samples import ArraySamples, labelled_images
from cortado.data.splits import Dataset, from_train_and_test
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["IDX"]

_MARK = "ubyte"


def _open(directory: str, wanted: Wanted) -> Dataset:
    del wanted
    names = files.list_names(directory)
    train = _read_pair(directory, names, ("train",))
    test = _read_pair(directory, names, ("t10k", "test"))
    return from_train_and_test(train, test)


def _read_pair(directory: str, names: list[str], prefixes: tuple[str, ...]) -> ArraySamples:
    images = _read(directory, names, prefixes, "images")
    labels = _read(directory, names, prefixes, "labels")
    if len(images) != len(labels):
        raise CortadoError(f"{directory}: {len(images)} images have {len(labels)} labels")
    return labelled_images(check_pixels(images, directory), labels.astype("int64"))


def _read(directory: str, names: list[str], prefixes: tuple[str, ...], kind: str) -> Array:
    for name in names:
        if name.startswith(prefixes) and kind in name and _MARK in name:
            path = f"{directory.rstrip('/')}/{name}"
            return parse_idx(files.read(path), path)
    wanted = " or ".join(f"{prefix}-{kind}-…-{_MARK}[.gz]" for prefix in prefixes)
    raise CortadoError(f"{directory} has no {wanted}")


def _names(directory: str) -> list[str]:
    return [name for name in files.list_names(directory) if _MARK in name]


IDX = DataForm("a directory of IDX files", directories(_names), _open)
