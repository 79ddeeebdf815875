"""How pixels become inputs.

    input = (crop(resize(pixels)) − mean) · scale / std

The mean is in units of pixels (0…255): nothing, a value for all channels, one a channel, or an
image as large as the pixels, subtracted where the pixels are, before the crop. The standard
deviation is nothing, a value for all channels, or one a channel, in units of what it divides.

Image files are resized while they are decoded (`cortado.data.images`); arrays of pixels are not.
The crop is a square. Behind a resize of the shorter side its upper left corner is at
round((size − crop) / 2), halves to the even number, as torchvision's CenterCrop has it; image files
are cropped there as they are decoded, in training too. Otherwise the corner is Caffe's: at
floor((size − crop) / 2), and anywhere at random in training. In training, images are mirrored left
to right at random where the transform says so; Caffe mirrors at random in testing too, which
cortado does not, so that measuring twice gives the same.

Sources: BVLC/caffe data_transformer.cpp; pytorch/vision transforms/functional.py.
"""

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import BoolArray, FloatArray, IntArray

__all__ = ["InputTransform", "MeanImage", "Order", "Views", "centre_of"]

Order = Literal["", "bgr", "rgb"]


@dataclass(frozen=True)
class MeanImage:
    """A mean image, in units of pixels.

    Attributes
    ----------
    shape : (int, int, int)
        Channels, height, width.
    data : bytes
        The values, little-endian float32, in C order.
    """

    shape: tuple[int, int, int]
    data: bytes

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or len(self.data) != 4 * prod(self.shape):
            raise ValueError(f"{len(self.data)} bytes are no mean image of shape {self.shape}")

    @classmethod
    def of(cls, array: FloatArray) -> "MeanImage":
        """Return the mean image that an array of shape (channels, height, width) holds."""
        channels, height, width = array.shape
        return cls((channels, height, width), array.astype("<f4").tobytes())

    @property
    def array(self) -> FloatArray:
        """The values, of shape (channels, height, width)."""
        return np.frombuffer(self.data, "<f4").astype(np.float32, copy=False).reshape(self.shape)


@dataclass(frozen=True)
class Views:
    """Which part of each image of a batch is seen, and whether in a mirror.

    Attributes
    ----------
    crop : int
        The size of the square that is seen; 0 sees all.
    top, left : array of shape (n,), int64
        Its upper left corner.
    mirrored : array of shape (n,), bool
        Which images are mirrored left to right.
    """

    crop: int
    top: IntArray
    left: IntArray
    mirrored: BoolArray


@dataclass(frozen=True)
class InputTransform:
    """How pixels (0…255) become inputs.

    Attributes
    ----------
    scale : float or None
        The factor, such as 1/256; None where nobody said it, which multiplies by nothing.
    mean : tuple of float
        Nothing, one value for all channels, or one a channel, in units of pixels.
    image : MeanImage or None
        A mean for each pixel; then `mean` is empty.
    crop : int
        The size of the square that the model sees; 0 is all of the image.
    mirror : bool
        Whether images are mirrored at random in training.
    order : {"", "bgr", "rgb"}
        The order of the channels of images in colour; empty where nobody said it.
    std : tuple of float
        Nothing, one divisor for all channels, or one a channel; none is 0.
    resize : int
        The length that the shorter side of an image file gets; 0 resizes otherwise.
    size : (int or None, int or None) or None
        Height and width that image files are resized to; a None in it follows the ratio of the
        sides. Only without `resize`.
    """

    scale: float | None = None
    mean: tuple[float, ...] = ()
    image: MeanImage | None = None
    crop: int = 0
    mirror: bool = False
    order: Order = ""
    std: tuple[float, ...] = ()
    resize: int = 0
    size: tuple[int | None, int | None] | None = None

    def __post_init__(self) -> None:
        if 0.0 in self.std:
            raise ValueError("a standard deviation of 0")
        if self.resize and self.size is not None:
            raise ValueError("both the shorter side and a size to resize to")

    def __call__(self, pixels: FloatArray, views: Views | None = None) -> FloatArray:
        """Transform a batch of shape (n, channels, …); without `views` as in testing."""
        if self.image is not None:
            pixels = pixels - self._image_for(pixels)
        elif self.mean:
            pixels = pixels - self._by_channel(self.mean, "mean", pixels)
        if self.crop:
            pixels = self._cropped(pixels, views)
        if views is not None and views.mirrored.any():
            pixels = np.where(views.mirrored[:, None, None, None], pixels[..., ::-1], pixels)
        scaled = pixels * np.float32(1.0 if self.scale is None else self.scale)
        if self.std:
            scaled /= self._by_channel(self.std, "standard deviation", pixels)
        return scaled

    @property
    def is_unknown(self) -> bool:
        """Whether nothing says how pixels become numbers: no scale, mean or standard deviation.

        Pixels then go in as 0…255, which is right for few models: commands say so.
        """
        return self.scale is None and self.image is None and not (self.mean or self.std)

    @property
    def is_spatial(self) -> bool:
        """Whether it takes images only, of shape (n, channels, height, width)."""
        return self.image is not None or self.crop > 0

    def draw(self, pixels: FloatArray, generator: np.random.Generator) -> Views | None:
        """Return random views of a batch for training; None where all is seen as it is."""
        if pixels.ndim != 4 or not (self.crop or self.mirror):
            return None
        count, _, height, width = pixels.shape
        top, left = (
            generator.integers(0, max(size - self.crop, 0) + 1, count)
            if self.crop
            else np.zeros(count, np.int64)
            for size in (height, width)
        )
        mirrored = np.zeros(count, np.bool_)
        if self.mirror:
            mirrored = generator.integers(0, 2, count, np.bool_)
        return Views(self.crop, top, left, mirrored)

    def _cropped(self, pixels: FloatArray, views: Views | None) -> FloatArray:
        crop, (height, width) = self.crop, pixels.shape[2:]
        if min(height, width) < crop:
            raise CortadoError(
                f"the model sees {crop}×{crop} pixels; the images are only {height}×{width}"
            )
        if views is None or views.crop != crop:
            top, left = self._centre(height), self._centre(width)
            return pixels[:, :, top : top + crop, left : left + crop]
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (crop, crop), axis=(2, 3))
        seen: FloatArray = windows[np.arange(len(pixels)), :, views.top, views.left]
        return seen

    def _centre(self, size: int) -> int:
        """Return where the crop begins along a side of a length."""
        return centre_of(size, self.crop) if self.resize else (size - self.crop) // 2

    def _image_for(self, pixels: FloatArray) -> FloatArray:
        assert self.image is not None  # the caller looked
        if pixels.shape[1:] != self.image.shape:
            raise CortadoError(
                f"the model stores a mean image of {show_shape(self.image.shape)}; "
                f"the images are {show_shape(pixels.shape[1:])}"
            )
        return self.image.array

    @staticmethod
    def _by_channel(numbers: tuple[float, ...], what: str, pixels: FloatArray) -> FloatArray:
        """Return numbers, one or one a channel, in a shape that broadcasts along the channels."""
        values = np.asarray(numbers, np.float32)
        if values.size not in (1, pixels.shape[1]):
            raise CortadoError(
                f"the model stores a {what} of {values.size} channels; "
                f"the images have {pixels.shape[1]}"
            )
        return values.reshape(-1, *[1] * (pixels.ndim - 2))


def centre_of(size: int, crop: int) -> int:
    """Return where a centre crop begins, as torchvision rounds it: halves to the even number."""
    return round((size - crop) / 2)
