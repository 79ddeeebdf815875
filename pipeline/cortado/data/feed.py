"""Pixels → the input that a model wants: its shape, then its input transform."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from cortado.data.images import ImageForm
from cortado.errors import CortadoError
from cortado.model.shapes import show_shape
from cortado.model.typing import FloatArray
from cortado.task.metadata import read_transform
from cortado.task.transform import InputTransform, Views

__all__ = ["Feed"]

_TYPES: dict[ir.DataType | None, type[np.floating[Any]]] = {
    ir.DataType.FLOAT: np.float32,
    ir.DataType.FLOAT16: np.float16,
}


@dataclass(frozen=True)
class Feed:
    """How to feed images to one model.

    Attributes
    ----------
    name : str
        The input's name.
    shape : tuple of int or None
        The shape of one image, without the batch; None where the model leaves it open.
    batch : int or None
        The only batch size that the model takes, if it takes only one.
    transform : InputTransform
        What to do to pixels.
    dtype : type
        Of the input: float32 or float16.
    """

    name: str
    shape: tuple[int | None, ...]
    batch: int | None
    transform: InputTransform
    dtype: type[np.floating[Any]] = np.float32

    @classmethod
    def of(cls, model: ir.Model) -> "Feed":
        """Return the feed of a model, which must have one float input with a batch axis."""
        inputs = [value for value in model.graph.inputs if not value.is_initializer()]
        if len(inputs) != 1:
            names = ", ".join(str(value.name) for value in inputs)
            raise CortadoError(f"data can feed models with one input; this one has: {names}")
        (value,) = inputs
        if value.dtype not in _TYPES or not value.shape:
            raise CortadoError(f"the input {value.name} is not float32 with a batch axis")
        batch, *shape = (size if isinstance(size, int) else None for size in value.shape)
        return cls(str(value.name), tuple(shape), batch, read_transform(model), _TYPES[value.dtype])

    @property
    def form(self) -> ImageForm:
        """How images must be decoded: as large as a mean image, else as the input."""
        image, order = self.transform.image, self.transform.order
        if image is not None:
            return ImageForm(image.shape[0], image.shape[1:], order)
        if len(self.shape) != 3:
            return ImageForm(order=order)
        channels, height, width = self.shape
        size = None if height is None or width is None else (height, width)
        return ImageForm(channels, size, order)

    def __call__(self, pixels: FloatArray, views: Views | None = None) -> FloatArray:
        """Return the model's input for a batch of pixels of shape (n, …), seen in `views`."""
        if self.transform.is_spatial or views is not None:
            inputs = self._fit(self.transform(_as_images(pixels), views))
        else:
            inputs = self.transform(self._fit(pixels))
        return np.ascontiguousarray(inputs, self.dtype)

    def _fit(self, pixels: FloatArray) -> FloatArray:
        """Reshape images only where no pixel could end up in a wrong place."""
        found, wanted = pixels.shape[1:], self.shape
        if len(found) == len(wanted) and all(
            size is None or size == have for have, size in zip(found, wanted, strict=True)
        ):
            return pixels
        sizes = [size for size in wanted if size is not None]
        flat_or_grey = len(sizes) == len(wanted) and _squeezed(found, wanted)
        if not flat_or_grey:
            raise CortadoError(
                f"the images have the shape {show_shape(found)}, "
                f"the model's input {self.name} wants {show_shape(wanted)}"
            )
        return pixels.reshape(len(pixels), *sizes)


def _as_images(pixels: FloatArray) -> FloatArray:
    if pixels.ndim != 4:
        raise CortadoError(
            f"the model crops or subtracts a mean image; the images have the shape "
            f"{show_shape(pixels.shape[1:])} instead of channels × height × width"
        )
    return pixels


def _squeezed(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Tell whether two shapes differ only in axes of size 1, or the wanted one is flat."""
    same = [s for s in found if s != 1] == [s for s in wanted if s != 1]
    total = int(np.prod(found)) == int(np.prod([s or 0 for s in wanted]))
    return total and (same or len(wanted) == 1)
