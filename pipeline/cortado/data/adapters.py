"""Input adapters: what a source gives → what one input of a graph wants.

An adapter keeps the type of its input: integers stay integers, and floats never become integers.
Pixels pass through the input transform of the model; every other array is fed as it is. An array
of samples has one axis more than a sample. Where the rest has the rank of the graph input, a sample
brings its batch axis with it, and is run alone; else the axis of the samples is the batch axis: the
first, or the one whose name says so, as in (steps, batch, features).

A recurrent state that is not given is zeros: an input whose name says that it is a state, and
whose shape leaves no axis open but that of the batch, wherever that is: states (layers, batch,
units) of samples (layers, units) are stacked along it. Caffe's continuation indicators, ``cont`` of
shape (steps, samples), are ones.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, FloatArray
from cortado.task.transform import InputTransform, Views

__all__ = ["InputAdapter"]

_STATE = re.compile(
    r"(?:^|[^a-z])(?:(?:in|init|initial|prev|previous|past|last|old|rnn|lstm|gru|dec|enc)?[^a-z]?)"
    r"(?:state|states|hidden|cell|memory|cache|mem|hx|cx|h|c|hn|cn|hc)s?(?:[^a-z]|$)",
    re.IGNORECASE,
)
_BATCH, _LETTER = re.compile(r"bs|.*batch.*", re.IGNORECASE), re.compile(r"N|B")
_CONTINUES = re.compile(r"^cont\d*$")


@dataclass(frozen=True)
class InputAdapter:
    """How one input of a graph is fed.

    Attributes
    ----------
    name : str
        The input.
    shape : tuple of int or None
        Its whole shape, with the batch axis if it has one; None where it is open.
    dtype : numpy.dtype
        Its type.
    transform : InputTransform or None
        What to do to pixels; None feeds arrays as they are.
    named_axis : int or None
        The batch axis, where a name says that it is not the first.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype
    transform: InputTransform | None = None
    named_axis: int | None = None

    @classmethod
    def of(cls, value: ir.Value) -> "InputAdapter":
        """Return the adapter of a graph input, without a transform.

        Raises
        ------
        CortadoError
            If the input has no known shape, or its type holds no numbers.
        """
        if value.dtype is None or value.shape is None or value.dtype is ir.DataType.STRING:
            raise CortadoError(f"the input {value.name} has no shape or no type of numbers")
        shape = tuple(size if isinstance(size, int) else None for size in value.shape)
        dtype = np.dtype(value.dtype.numpy())
        return cls(str(value.name), shape, dtype, named_axis=_named_batch_axis(value.shape))

    @property
    def batch(self) -> int | None:
        """The size of the batch axis, where it is fixed."""
        return self.shape[self.batch_axis] if self.shape else None

    @cached_property
    def is_state(self) -> bool:
        """Whether the input may be left out: its name and shape are those of a recurrent state."""
        if self.continues:
            return True
        is_open = sum(size is None for size in self.shape)
        return len(self.shape) > 1 and is_open <= 1 and _STATE.search(self.name) is not None

    def any_batch(self) -> "InputAdapter":
        """Return the adapter of an input that takes any number of samples."""
        axis = self.batch_axis
        return replace(self, shape=(*self.shape[:axis], None, *self.shape[axis + 1 :]))

    @property
    def continues(self) -> bool:
        """Whether the input is Caffe's continuation indicators, of shape (steps, samples)."""
        return len(self.shape) == 2 and _CONTINUES.fullmatch(self.name) is not None

    @cached_property
    def batch_axis(self) -> int:
        """The axis of the samples: the first, one with such a name, or the only open of a state."""
        if self.named_axis is not None:
            return self.named_axis
        is_open = [axis for axis, size in enumerate(self.shape) if size is None]
        return is_open[0] if self.is_state and is_open else 0

    @property
    def channels_last(self) -> bool:
        """Whether the input takes images of shape (n, height, width, channels)."""
        if len(self.shape) != 4:
            return False
        return self.shape[3] in (1, 3, 4) and self.shape[1] not in (1, 3, 4)

    def initial(self, count: int) -> Array:
        """Return the state before the first step, for `count` samples."""
        shape = tuple(count if size is None else size for size in self.shape)
        fill = np.ones if self.continues else np.zeros
        return fill(shape, self.dtype)

    def runs_alone(self, array: Array) -> bool:
        """Return whether each sample of an array (n, …) brings a batch axis of its own."""
        return array.ndim > len(self.shape)

    def __call__(self, array: Array, views: Views | None = None) -> Array:
        """Return what the input gets for an array of samples.

        Parameters
        ----------
        array : array of shape (n, …) or ()
            As the source gives it.
        views : Views or None
            The parts of images that are seen in training.

        Raises
        ------
        CortadoError
            If type or shape do not fit.
        """
        if self.transform is not None:
            array = self._pixels(array, views)
        if self.runs_alone(array):
            if array.ndim > len(self.shape) + 1:
                raise self._misfit(array.shape)
            if len(array) != 1:
                raise CortadoError(f"samples of the input {self.name} can only run one by one")
            array = array[0]
        elif self.batch_axis and array.ndim == len(self.shape):
            self._check_type(array)
            return np.require(self._stacked(array), self.dtype, "C")
        self._check_type(array)
        return np.require(self._fit(array), self.dtype, "C")

    def _pixels(self, array: Array, views: Views | None) -> Array:
        """Return pixels behind the transform, in the axes and the type of the input."""
        assert self.transform is not None
        pixels = array.astype(np.float32, copy=False)
        if self.transform.is_spatial or views is not None:
            inputs = self.transform(_as_images(pixels), views)
        elif self.channels_last:
            inputs = self.transform(pixels)
        else:
            inputs = self.transform(self._fit(pixels))
        is_first = inputs.ndim == 4 and inputs.shape[1] == self.shape[-1]
        placed = inputs.transpose(0, 2, 3, 1) if self.channels_last and is_first else inputs
        return placed if self.dtype.kind == "f" else _rounded(placed, self.dtype)

    def _stacked(self, array: Array) -> Array:
        """Return samples (n, …) along the batch axis."""
        found, axis = array.shape, self.batch_axis
        wanted = tuple(size for i, size in enumerate(self.shape) if i != axis)
        if not _fits(found, (None, *wanted)):
            what = "state" if self.is_state else "input"
            raise CortadoError(
                f"the samples of the {what} {self.name} have the shape {show_shape(found[1:])}, "
                f"the model wants {show_shape(wanted)}"
            )
        return np.moveaxis(array, 0, axis)

    def _check_type(self, array: Array) -> None:
        """Refuse to turn floats into integers, or anything but numbers into numbers."""
        given, wanted = array.dtype.kind, self.dtype.kind
        if given not in "biuf" or (given == "f" and wanted in "iub"):
            raise CortadoError(
                f"the input {self.name} wants {self.dtype}, and the samples are {array.dtype}"
            )

    def _fit(self, array: Array) -> Array:
        """Reshape samples only where no element could end up in a wrong place."""
        found, wanted = array.shape, self.shape
        if _fits(found, wanted):
            return array
        if len(found) == len(wanted) + 1 and found[1] == 1 and _fits((0, *found[2:]), wanted):
            return array[:, 0]  # the channel of grey images
        sizes = [size for size in wanted[1:] if size is not None]
        if len(sizes) == len(wanted) - 1 and _squeezed(found[1:], wanted[1:]):
            return array.reshape(len(array), *sizes)
        raise self._misfit(found)

    def _misfit(self, found: tuple[int, ...]) -> CortadoError:
        what = "images" if self.transform is not None else "samples"
        return CortadoError(
            f"the {what} have the shape {show_shape(found[1:])}, "
            f"the model's input {self.name} wants {show_shape(self.shape[1:])}"
        )


def _named_batch_axis(shape: ir.Shape) -> int | None:
    """Return the axis whose name is that of a batch, where the first has no such name."""
    names = ["" if isinstance(size, int) else str(size.value or "") for size in shape]
    axes = [axis for axis, name in enumerate(names) if _BATCH.fullmatch(name)]
    if not axes and shape[:1] != (1,):  # (1, N, 3) are N points of one sample
        axes = [axis for axis, name in enumerate(names) if _LETTER.fullmatch(name)]
    return axes[0] if axes and axes[0] != 0 else None


def _fits(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Return whether a shape is the wanted one, but for the number of samples."""
    return len(found) == len(wanted) and all(
        size in (None, have) for have, size in zip(found[1:], wanted[1:], strict=True)
    )


def _rounded(pixels: FloatArray, dtype: np.dtype) -> Array:
    """Return pixels as the nearest integers of a type."""
    limits = np.iinfo(dtype)
    return np.rint(pixels).clip(limits.min, limits.max).astype(dtype)


def _as_images(pixels: FloatArray) -> FloatArray:
    if pixels.ndim != 4:
        raise CortadoError(
            f"the model crops or subtracts a mean image; the images have the shape "
            f"{show_shape(pixels.shape[1:])} instead of channels × height × width"
        )
    return pixels


def _squeezed(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Return whether two shapes differ only in axes of size 1, or the wanted one is flat."""
    same = [s for s in found if s != 1] == [s for s in wanted if s != 1]
    total = int(np.prod(found)) == int(np.prod([s or 0 for s in wanted]))
    return total and (same or len(wanted) == 1)
