"""Image folders: a directory for each class, whose files are images.

Classes are numbered in the sorted order of the names of their directories.
"""

from collections.abc import Sequence

import numpy as np

from cortado import files
from cortado.data.forms import DataForm, Wanted, directories
from cortado.data.image_files import ImageFiles, check_form, is_image, list_images
from cortado.data.images import ImageForm
from cortado.errors import CortadoError

__all__ = ["CLASSES", "list_classes", "open_folder"]


def list_classes(path: str) -> list[str]:
    """Return the sorted names of the directories in `path` that hold images."""
    names = [name for name in files.list_names(path) if not name.startswith(".")]
    return [name for name in names if any(map(is_image, files.list_names(f"{path}/{name}")))]


def open_folder(path: str, classes: Sequence[str], form: ImageForm) -> ImageFiles:
    """Return the images of a directory of classes.

    Parameters
    ----------
    path : str
        The directory; each directory in it is a class.
    classes : sequence of str
        The names of all classes, in the order of their labels.
    form : ImageForm
        What to turn images into.

    Raises
    ------
    CortadoError
        If a directory is not one of the classes, or the model does not say what it takes.
    """
    found = list_classes(path)
    if strangers := sorted(set(found) - set(classes)):
        raise CortadoError(f"{path}/{strangers[0]} is a class that the training images lack")
    check_form(path, form)
    pairs = [
        (f"{path}/{name}/{file}", classes.index(name))
        for name in found
        for file in list_images(f"{path}/{name}")
    ]
    paths, labels = zip(*pairs, strict=True)
    return ImageFiles(paths, np.array(labels, np.int64), form)


def _open(path: str, wanted: Wanted) -> ImageFiles:
    return open_folder(path, list_classes(wanted.train or path), wanted.signature.form)


CLASSES = DataForm(
    "a directory of images for each class", directories(list_classes), _open, is_part=True
)
