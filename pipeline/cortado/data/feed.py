"""Pixels → the input that a model wants: its shape, then its input transform."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.metadata import InputTransform, read_transform
from cortado.model.typing import FloatArray

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

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return the model's input for a batch of pixels of shape (n, …)."""
        return np.ascontiguousarray(self.transform(self._fit(pixels)), self.dtype)

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
                f"the images have the shape {_show(found)}, "
                f"the model's input {self.name} wants {_show(wanted)}"
            )
        return pixels.reshape(len(pixels), *sizes)


def _squeezed(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Tell whether two shapes differ only in axes of size 1, or the wanted one is flat."""
    same = [s for s in found if s != 1] == [s for s in wanted if s != 1]
    total = int(np.prod(found)) == int(np.prod([s or 0 for s in wanted]))
    return total and (same or len(wanted) == 1)


def _show(shape: tuple[int | None, ...]) -> str:
    return "×".join("?" if size is None else str(size) for size in shape)
