"""How pixels become inputs, as Caffe's data layers do it.

    input = crop(pixels − mean) · scale

The mean is nothing, a value for all channels, one a channel, or an image as large as the pixels,
subtracted where the pixels are, before the crop. The crop is a square: its upper left corner is at
floor((size − crop) / 2) in both directions, and anywhere at random in training. In training, images
are mirrored left to right at random where the transform says so; Caffe mirrors at random in testing
too, which cortado does not, so that measuring twice gives the same.

Source: BVLC/caffe data_transformer.cpp.
"""

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from cortado.errors import CortadoError
from cortado.model.shapes import show_shape
from cortado.model.typing import BoolArray, FloatArray, IntArray

__all__ = ["InputTransform", "MeanImage", "Order", "Views"]

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
    """How Caffe turns pixels (0…255) into inputs.

    Attributes
    ----------
    scale : float
        The factor, such as 1/256.
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
    """

    scale: float = 1.0
    mean: tuple[float, ...] = ()
    image: MeanImage | None = None
    crop: int = 0
    mirror: bool = False
    order: Order = ""

    def __call__(self, pixels: FloatArray, views: Views | None = None) -> FloatArray:
        """Transform a batch of shape (n, channels, …); without `views` as in testing."""
        if self.image is not None:
            pixels = pixels - self._image_for(pixels)
        elif self.mean:
            pixels = pixels - self._mean_for(pixels)
        if self.crop:
            pixels = self._cropped(pixels, views)
        if views is not None and views.mirrored.any():
            pixels = np.where(views.mirrored[:, None, None, None], pixels[..., ::-1], pixels)
        return pixels * np.float32(self.scale)

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
            top, left = (height - crop) // 2, (width - crop) // 2
            return pixels[:, :, top : top + crop, left : left + crop]
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (crop, crop), axis=(2, 3))
        seen: FloatArray = windows[np.arange(len(pixels)), :, views.top, views.left]
        return seen

    def _image_for(self, pixels: FloatArray) -> FloatArray:
        assert self.image is not None  # the caller looked
        if pixels.shape[1:] != self.image.shape:
            raise CortadoError(
                f"the model stores a mean image of {show_shape(self.image.shape)}; "
                f"the images are {show_shape(pixels.shape[1:])}"
            )
        return self.image.array

    def _mean_for(self, pixels: FloatArray) -> FloatArray:
        mean = np.asarray(self.mean, np.float32)
        if mean.size not in (1, pixels.shape[1]):
            raise CortadoError(
                f"the model stores a mean of {mean.size} channels; "
                f"the images have {pixels.shape[1]}"
            )
        return mean.reshape(-1, *[1] * (pixels.ndim - 2))
