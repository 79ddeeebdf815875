"""Encoded images (JPEG, PNG, …) → pixels, as a model wants them.

A model's `ImageForm` says how many channels it takes, of which size and in which order. Grey is
the luma of ITU-R 601, and sizes are changed by Pillow's bilinear filter, which averages where it
shrinks. The order of the colours is never guessed: pixels in colour without a known order are
refused where it matters.
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cortado.errors import CortadoError
from cortado.model.typing import Array
from cortado.task.transform import Order

__all__ = ["ImageForm", "decode_image"]

_MODES = {1: "L", 3: "RGB"}
_MAX_PIXELS = 2**26  # of an image file; its planes and copies stay below a gigabyte
_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
# what Pillow raises for damaged files; SyntaxError for some PNGs
_DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True)
class ImageForm:
    """How a model wants its images, as far as it says so.

    Attributes
    ----------
    channels : int or None
        1 for grey, 3 for colour.
    size : (int, int) or None
        Height and width, before any crop.
    order : {"", "bgr", "rgb"}
        The order of colours; empty where the model does not say it.
    """

    channels: int | None = None
    size: tuple[int, int] | None = None
    order: Order = ""


def decode_image(data: bytes, form: ImageForm, *, upright: bool) -> Array:
    """Return the pixels of an image file, uint8 of shape (channels, height, width).

    Parameters
    ----------
    data : bytes
        The complete file.
    form : ImageForm
        The channels and the size to turn it into; what is None stays as in the file. The order of
        colours is BGR unless it says ``rgb``.
    upright : bool
        Whether to turn it as its EXIF data say.
    """
    try:
        with _open(data) as image:
            image.load()
            turned = ImageOps.exif_transpose(image) if upright else image
            turned = turned.convert(_mode_for(turned, form.channels))
    except UnidentifiedImageError as error:
        raise CortadoError("it is no image that Pillow knows") from error
    except _DAMAGED as error:
        raise CortadoError(f"it is no image, or is damaged: {error}") from error
    if form.size is not None and turned.size != form.size[::-1]:
        turned = turned.resize(form.size[::-1], Image.Resampling.BILINEAR)
    pixels = np.asarray(turned)  # (height, width[, channels])
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if len(planes) >= 3 and form.order != "rgb":
        planes = planes[[2, 1, 0, *range(3, len(planes))]]
    return np.ascontiguousarray(planes)


def _open(data: bytes) -> Image.Image:
    """Return an image whose pixels are still to be decoded, and are not too many."""
    with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
        image = Image.open(io.BytesIO(data))
    if image.width * image.height > _MAX_PIXELS:
        raise CortadoError(f"{image.width} × {image.height} pixels are more than {_MAX_PIXELS:,}")
    return image


def _mode_for(image: Image.Image, channels: int | None) -> str:
    if channels in _MODES:
        return _MODES[channels]
    return image.mode if image.mode in _CHANNELS else "RGB"
