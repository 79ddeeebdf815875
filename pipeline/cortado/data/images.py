"""Encoded images (JPEG, PNG, …) → pixels, as a model wants them.

A model's `ImageForm` says how many channels it takes, of which size and in which order. Grey is
the luma of ITU-R 601, and sizes are changed by Pillow's bilinear filter, which averages where it
shrinks. The order of the colours is never guessed: pixels in colour without a known order are
refused where it matters.

Where the size is open, it follows the image:

shorter side given  the longer one is ⌊longer · given / shorter⌋, as torchvision's Resize has it
one axis given      the other one is ⌈other · given / own⌉, as PaddleOCR's recogniser has it
both open           the longer side is at most 960, and both are rounded to multiples of 32, and are
                    at least 32, as PaddleOCR's detector has it
"""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cortado.errors import CortadoError
from cortado.model.typing import Array
from cortado.task.presets import Plane
from cortado.task.transform import InputTransform, Order, centre_of

__all__ = ["ImageForm", "decode_image", "read_size"]

_MODES = {1: "L", 3: "RGB"}
_MAX_PIXELS = 2**26  # of an image file; its planes and copies stay below a gigabyte
_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# what Pillow raises for damaged files; SyntaxError for some PNGs
_DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
# where a PNG, whose end Pillow decodes to look for it, may say how the image is turned
_TURNING = (b"eXIf", b"Raw profile type", b"com.adobe.xmp")
_SIDEWAYS = (5, 6, 7, 8)  # values of the orientation that exchange height and width


@dataclass(frozen=True)
class ImageForm:
    """How a model wants its images, as far as it says so.

    Attributes
    ----------
    channels : int or None
        1 for grey, 3 for colour.
    size : (int or None, int or None) or None
        Height and width, before any crop; a None in it is open. None leaves images as large as
        they are.
    order : {"", "bgr", "rgb"}
        The order of colours; empty where the model does not say it.
    resize : int
        The length of the shorter side, instead of a size; 0 for none.
    crop : int
        The size of the square that is cut from the centre after `resize`; 0 for none.
    multiple : int
        What both sides are a multiple of where both are open.
    longest : int
        The longer side is at most as long where both are open.
    """

    channels: int | None = None
    size: tuple[int | None, int | None] | None = None
    order: Order = ""
    resize: int = 0
    crop: int = 0
    multiple: int = 32
    longest: int = 960

    @classmethod
    def of(cls, plane: Plane, transform: InputTransform) -> "ImageForm":
        """Return the form of the images that an input transform wants for the plane of a model.

        Images are as large as a mean image; else as the transform says; as they are where it only
        crops; else as large as the input.
        """
        channels, *axes = plane
        order, image = transform.order, transform.image
        if image is not None:
            return cls(image.shape[0], image.shape[1:], order)
        if transform.resize:
            return cls(channels, None, order, transform.resize, transform.crop)
        if transform.size is not None:
            height, width = transform.size
            if transform.crop:
                return cls(channels, (height, width), order)
            return cls(channels, (height or axes[0], width or axes[1]), order)
        return cls(channels, None if transform.crop else (axes[0], axes[1]), order)

    @property
    def is_fixed(self) -> bool:
        """Whether all images are decoded to the same size."""
        if self.resize:
            return self.crop > 0
        return self.size is not None and None not in self.size

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that an image is resized to, before a crop."""
        if self.resize:
            if height <= width:
                return self.resize, self.resize * width // height
            return self.resize * height // width, self.resize
        match self.size:
            case None:
                return height, width
            case (int(rows), int(columns)):
                return rows, columns
            case (int(rows), None):
                return rows, math.ceil(width * rows / height)
            case (None, int(columns)):
                return math.ceil(height * columns / width), columns
        ratio = min(1.0, self.longest / max(height, width))
        return self._rounded(height * ratio), self._rounded(width * ratio)

    def decoded(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width of the pixels of an image.

        Raises
        ------
        CortadoError
            If the crop is larger than the image, or the image gets too many pixels.
        """
        sides = self.resized(height, width)
        if sides[0] * sides[1] > _MAX_PIXELS:
            raise CortadoError(f"{height} × {width} pixels become more than {_MAX_PIXELS:,}")
        if not self.crop:
            return sides
        if min(sides) < self.crop:
            raise CortadoError(
                f"the model sees {self.crop}×{self.crop} pixels; "
                f"the image has only {sides[0]}×{sides[1]}"
            )
        return self.crop, self.crop

    def _rounded(self, side: float) -> int:
        return max(round(int(side) / self.multiple) * self.multiple, self.multiple)


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
    with _reading(), _open(data) as image:
        image.load()
        turned = ImageOps.exif_transpose(image) if upright else image
        turned = turned.convert(_mode_for(turned, form.channels))
    pixels = np.asarray(_sized(turned, form))  # (height, width[, channels])
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if len(planes) >= 3 and form.order != "rgb":
        planes = planes[[2, 1, 0, *range(3, len(planes))]]
    return np.ascontiguousarray(planes)


def read_size(data: bytes) -> tuple[int, int]:
    """Return height and width of an image file, turned as its EXIF data say, without its pixels."""
    with _reading(), _open(data) as image:
        is_plain = image.format == "PNG" and not any(mark in data for mark in _TURNING)
        if is_plain or image.format == "TIFF":  # Pillow gives the turned size of a TIFF
            return image.size[::-1]
        orientation = image.getexif().get(ExifTags.Base.Orientation)
        return image.size if orientation in _SIDEWAYS else image.size[::-1]


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what Pillow raises into an error of one line."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise CortadoError("it is no image that Pillow knows") from error
    except _DAMAGED as error:
        raise CortadoError(f"it is no image, or is damaged: {error}") from error


def _open(data: bytes) -> Image.Image:
    """Return an image whose pixels are still to be decoded, and are not too many."""
    with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    if image.width * image.height > _MAX_PIXELS:
        raise CortadoError(f"{image.width} × {image.height} pixels are more than {_MAX_PIXELS:,}")
    return image


def _sized(image: Image.Image, form: ImageForm) -> Image.Image:
    """Return an image resized and cropped as a form says."""
    seen = form.decoded(image.height, image.width)
    height, width = form.resized(image.height, image.width)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    if seen == (height, width):
        return image
    top, left = centre_of(height, form.crop), centre_of(width, form.crop)
    return image.crop((left, top, left + form.crop, top + form.crop))


def _mode_for(image: Image.Image, channels: int | None) -> str:
    if channels in _MODES:
        return _MODES[channels]
    return image.mode if image.mode in _CHANNELS else "RGB"
