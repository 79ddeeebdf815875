"""Flat folders: image files without directories of classes, with or without labels.

Labels stand in a text file: ``labels.txt`` in the folder, or one that the user names, which may
serve several folders. A line is ``file<TAB>label``; the file is a name in the folder, or
``folder/name``. Where all labels of a file are integers, written without leading zeros, they are
classes; else they are texts. Without labels, the samples have no targets.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from cortado import files
from cortado.data.forms import DataForm, Wanted, directories
from cortado.data.image_files import ImageFiles, check_form, list_images
from cortado.data.images import ImageForm
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["IMAGES", "open_flat"]

_LABELS = "labels.txt"
_TAB = "\t"


def open_flat(folder: str, form: ImageForm, labels: str | None = None) -> ImageFiles:
    """Return the images of a flat folder, in the order of their names.

    Parameters
    ----------
    folder : str
        The directory.
    form : ImageForm
        What to decode images to.
    labels : str or None
        A file of labels; without one, ``labels.txt`` in the folder, if it is there.

    Raises
    ------
    CortadoError
        If the file of labels is damaged, or lacks an image; if ``labels.txt`` of the folder names
        a file that is not there; if the model does not say how it takes images.
    """
    check_form(folder, form)
    folder = folder.rstrip("/")
    names = list_images(folder)
    paths = [f"{folder}/{name}" for name in names]
    if labels is not None:
        return ImageFiles(paths, _find(_read(labels), names, folder, labels), form)
    if _LABELS not in files.list_names(folder):
        return ImageFiles(paths, None, form)
    source = f"{folder}/{_LABELS}"
    known = _read(source)
    if strangers := sorted(known.keys() - names):
        raise CortadoError(f"{source} names {strangers[0]}, which is no image in {folder}")
    return ImageFiles(paths, _find(known, names, folder, source), form)


def _read(path: str) -> dict[str, int | str]:
    """Return file → label of a text file."""
    known: dict[str, str] = {}
    lines = files.read_text(path).removeprefix("\ufeff").split("\n")
    for number, line in enumerate(lines, 1):
        name, tab, label = line.removesuffix("\r").partition(_TAB)
        if not name and not tab:
            continue
        if not tab:
            raise CortadoError(f"{path}: line {number} is not 'file<TAB>label'")
        if name in known:
            raise CortadoError(f"{path}: line {number} gives {name} a second label")
        known[name] = label
    if not known:
        raise CortadoError(f"{path} holds no labels")
    if not all(map(_is_integer, known.values())):
        return dict(known)
    classes = {name: int(label) for name, label in known.items()}
    lowest = min(classes, key=classes.__getitem__)
    if classes[lowest] < 0:
        raise CortadoError(f"{path}: the label of {lowest} is negative")
    return dict(classes)


def _is_integer(label: str) -> bool:
    digits = label.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and str(int(digits)) == digits


def _find(known: Mapping[str, int | str], names: Sequence[str], folder: str, source: str) -> Array:
    """Return the labels of files, int64 or text; refuse a file without one."""
    parent = folder.rpartition("/")[2]
    found = [known.get(f"{parent}/{name}", known.get(name)) for name in names]
    if None in found:
        raise CortadoError(f"{source} has no label of {folder}/{names[found.index(None)]}")
    return np.array(found)


def _open(path: str, wanted: Wanted) -> ImageFiles:
    return open_flat(path, wanted.signature.form, wanted.labels)


IMAGES = DataForm(
    "a directory of images", directories(list_images), _open, takes_labels=True, is_part=True
)
