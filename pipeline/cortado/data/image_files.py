"""Image files as samples: decoded each time they are taken, and turned upright."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from cortado import files
from cortado.data.images import ImageForm, decode_image, read_size
from cortado.data.samples import IMAGE, TARGET, Batch, labels_of
from cortado.errors import CortadoError, UsageError
from cortado.model.typing import Array, IntArray

__all__ = ["ImageFiles", "check_form", "is_image", "list_images"]

T = TypeVar("T")

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def is_image(name: str) -> bool:
    """Return by its name whether a file is an image; hidden files are none."""
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".")


def list_images(directory: str) -> list[str]:
    """Return the sorted names of the image files in a directory."""
    return [name for name in files.list_names(directory) if is_image(name)]


def check_form(path: str, form: ImageForm) -> None:
    """Refuse image files for a model that does not say how it takes them."""
    if form.channels not in (1, 3):
        raise UsageError(
            f"--data {path} holds image files; the model does not take images of 1 or 3 channels"
        )
    if form.channels == 3 and not form.order:
        raise UsageError(
            f"--data {path} is in colour, and the model does not say the order of its channels: "
            "store it with cortado import --channel-order bgr (Caffe's own) or rgb"
        )


@dataclass(frozen=True)
class ImageFiles:
    """Samples in image files.

    Attributes
    ----------
    paths : sequence of str
        The files.
    targets : array of shape (n,), or None
        Labels or texts, where there are any.
    form : ImageForm
        What to decode images to.
    """

    paths: Sequence[str]
    targets: Array | None
    form: ImageForm

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def labels(self) -> IntArray | None:
        """The targets, where they are integers."""
        return None if self.targets is None else labels_of({TARGET: self.targets})

    @cached_property
    def alike(self) -> IntArray | None:
        """Equal numbers for images that are decoded to equal sizes; None where all are.

        Where the size is open, the heads of all files are read once.
        """
        if self.form.is_fixed:
            return None
        kinds: dict[tuple[int, int], int] = {}
        sizes = (_naming(path, self._decoded_size) for path in self.paths)
        return np.array([kinds.setdefault(size, len(kinds)) for size in sizes], np.int64)

    def take(self, indices: IntArray) -> Batch:
        """Decode some of the images, which are alike, to uint8 of shape (n, channels, h, w)."""
        images = [_naming(self.paths[i], self._decode) for i in indices.tolist()]
        targets = None if self.targets is None else {TARGET: self.targets[indices]}
        return Batch({IMAGE: np.stack(images)}, targets)

    def _decode(self, data: bytes) -> Array:
        return decode_image(data, self.form, upright=True)

    def _decoded_size(self, data: bytes) -> tuple[int, int]:
        return self.form.decoded(*read_size(data))


def _naming(path: str, read: Callable[[bytes], T]) -> T:
    """Return what `read` makes of a file; its errors begin with the path."""
    data = files.read(path)
    try:
        return read(data)
    except CortadoError as error:
        raise CortadoError(f"{path}: {error}") from error
