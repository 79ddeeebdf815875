"""Image folders: a directory for each class, whose files are images.

Classes are numbered in the sorted order of the names of their directories. Images are decoded each
time they are taken, turned upright, made grey or coloured as the model wants, and resized to what
it takes before its crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cortado import files
from cortado.data.images import ImageForm, decode_image
from cortado.data.samples import IMAGE, TARGET, Batch, Samples
from cortado.errors import CortadoError, UsageError
from cortado.model.typing import Array, IntArray

__all__ = ["is_image", "list_classes", "open_folder"]

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def is_image(name: str) -> bool:
    """Tell by its name whether a file is an image; hidden files are none."""
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".")


def list_classes(path: str) -> list[str]:
    """Return the sorted names of the directories in `path` that hold images."""
    names = [name for name in files.list_names(path) if not name.startswith(".")]
    return [name for name in names if any(map(is_image, files.list_names(f"{path}/{name}")))]


def open_folder(path: str, classes: Sequence[str], form: ImageForm) -> Samples:
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
        If a directory is none of the classes, or the model does not say what it takes.
    """
    found = list_classes(path)
    if strangers := sorted(set(found) - set(classes)):
        raise CortadoError(f"{path}/{strangers[0]} is a class that the training images lack")
    _check_form(path, form)
    pairs = [
        (f"{path}/{name}/{file}", classes.index(name))
        for name in found
        for file in files.list_names(f"{path}/{name}")
        if is_image(file)
    ]
    paths, labels = zip(*pairs, strict=True)
    return _FolderSamples(paths, np.array(labels, np.int64), form)


def _check_form(path: str, form: ImageForm) -> None:
    if form.size is None or form.channels not in (1, 3):
        raise UsageError(
            f"--data {path} holds image files; the model does not take images of 1 or 3 channels "
            "and a fixed size"
        )
    if form.channels == 3 and not form.order:
        raise UsageError(
            f"--data {path} is in colour, and the model does not say the order of its channels: "
            "store it with cortado import --channel-order bgr (Caffe's own) or rgb"
        )


@dataclass(frozen=True)
class _FolderSamples:
    paths: Sequence[str]
    labels: IntArray
    form: ImageForm

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def alike(self) -> IntArray | None:
        """None: the images are resized to one size."""
        return None

    def take(self, indices: IntArray) -> Batch:
        """Read some of the images."""
        images = [self._read(self.paths[i]) for i in indices.tolist()]
        return Batch({IMAGE: np.stack(images)}, {TARGET: self.labels[indices]})

    def _read(self, path: str) -> Array:
        data = files.read(path)
        try:
            return decode_image(data, self.form, upright=True)
        except CortadoError as error:
            raise CortadoError(f"{path}: {error}") from error
