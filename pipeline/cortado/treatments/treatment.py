"""The interface of a treatment.

A treatment makes a layer smaller by changing its weights to a level: to a fraction of zeros, or to
2^B shared values. It knows which numbers are levels and how they are ordered, changes weights to
one of them, and says how it is shown. What a level costs are the bytes of the changed weights, in
the smallest form that the encoder has for them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from cortado.emit import tensor_bytes
from cortado.errors import CortadoError
from cortado.model.layers.prunable import Layer
from cortado.model.shape_text import show_shape
from cortado.model.typing import FloatArray
from cortado.plugins import foreign_code
from cortado.prune import Method

__all__ = [
    "Change",
    "Contents",
    "Look",
    "Selection",
    "Treatment",
    "contents_of",
    "encoded_bytes",
]

Change: TypeAlias = Callable[[FloatArray], FloatArray]
"""Weights of a layer → its changed weights, of the same shape."""


@dataclass(frozen=True)
class Selection:
    """How weights are chosen, for treatments that choose some.

    Attributes
    ----------
    method : str
        See `cortado.prune.importance`.
    seed : int
        For ``random-below``.
    """

    method: Method = "magnitude"
    seed: int = 0


@dataclass(frozen=True)
class Contents:
    """Elements of a layer's weight, zeros among them, and distinct values that are not zero."""

    weights: int
    zeros: int
    distinct: int


def contents_of(weights: FloatArray) -> Contents:
    """Return what a layer's weights consist of."""
    nonzero = weights[weights != 0]
    return Contents(weights.size, weights.size - nonzero.size, len(np.unique(nonzero)))


def encoded_bytes(layer: Layer, weights: FloatArray) -> float:
    """Return what weights cost: their bytes in the type of the layer's initializer, coded alone."""
    assert layer.weight.dtype is not None  # find_layers saw to it
    return tensor_bytes(weights.astype(layer.weight.dtype.numpy()))


@dataclass(frozen=True)
class Look:
    """How a treatment is shown.

    Attributes
    ----------
    axis : str
        The title of the axis of its levels, ``fraction of zeros``.
    column : str
        The heading of a column of its levels, ``sparsity``.
    level : str
        A format for a level, ``{:.2%}``.
    untouched : str
        What stands in that column for a layer that it leaves as it is.
    phrase : str
        A format for what is done to a layer, of the text of one or several levels: ``pruned to
        {}``.
    ticks : tuple of float
        Round levels for the axis; empty where the levels of a sweep are ticks themselves.
    """

    axis: str
    column: str
    level: str = "{:g}"
    untouched: str = ""
    phrase: str = "at {}"
    ticks: tuple[float, ...] = ()

    def cell(self, level: float | None) -> str:
        """Return a level as a table shows it, None where a layer is left as it is."""
        return self.untouched if level is None else self.level.format(level)


class Treatment(ABC):
    """A way to make a layer smaller, by levels.

    Attributes
    ----------
    name : str
        What it is called in tables, in plans and on the command line.
    levels : tuple of float
        The levels of a sweep by default.
    look : Look
        How it is shown.
    order : int
        A layer is treated in rising order: it is pruned before its values are shared, as these are
        the values of the weights that are left. Treatments of the same order exclude each other.
    further : tuple of float
        Levels beyond those of a sweep, worth trying where weights are fitted afterwards.
    selects : bool
        Whether it depends on a `Selection`; its rows in a table then name method and seed.
    makes_zeros : bool
        Whether a budget of zeros is met by it, and ``cortado prune`` carries it out; if not,
        ``cortado quantize`` does.
    """

    name: str
    levels: tuple[float, ...]
    look: Look
    order: int = 1
    further: tuple[float, ...] = ()
    selects: bool = False
    makes_zeros: bool = False

    @abstractmethod
    def requirement(self, level: float) -> str:
        """Return what a level must be, where this one is not: ``a fraction …``; else nothing."""

    @abstractmethod
    def apply(
        self, layer: Layer, weights: FloatArray, level: float, selection: Selection
    ) -> FloatArray:
        """Return the weights of a layer at a level.

        Parameters
        ----------
        layer : Layer
            For its axes; its own weights are those of the model.
        weights : array of the layer's shape, float32
            What the layer has, perhaps by an earlier treatment; left as it is. Zeros must stay
            zeros.
        level : float
            One that meets the requirement.
        selection : Selection
            How weights are chosen.
        """

    def harshness(self, level: float) -> float:
        """Return where a level stands on its axis; the right end is the smaller model."""
        return level

    def prepare(
        self, layer: Layer, weights: FloatArray, levels: Sequence[float], selection: Selection
    ) -> Sequence[Change]:
        """Return the changes to several levels, as light objects that can be kept.

        A treatment that finds something for all levels at once, such as codebooks, does it here.
        """
        del weights
        return [
            partial(self._applied, layer=layer, level=level, selection=selection)
            for level in levels
        ]

    def midway(self, gentle: float, harsh: float) -> float | None:
        """Return a level between two others, for curves that bend there; None without one."""
        del gentle, harsh
        return None

    @property
    def is_adaptive(self) -> bool:
        """Whether there are levels between others."""
        return type(self).midway is not Treatment.midway

    def already(self, weights: FloatArray) -> str:
        """Return why weights stay as they are at a level, without the word "already"."""
        del weights
        return "it is at that level"

    def level_of(self, found: Contents) -> float | None:
        """Return the level to sweep for a point of a layer with such contents; None without."""
        del found
        return None

    def is_reached(self, level: float, zeros: int, found: Contents) -> bool:
        """Return whether a layer with such contents is at a level, which made a number of zeros."""
        del level, zeros, found
        return False

    def fault(self, level: float) -> str:
        """Return one line about what is no level: ``prune 1.5: it must be …``; else nothing."""
        words = self.requirement(level)
        return f"{self.name} {level:g}: it must be {words}" if words else ""

    def changes(
        self, layer: Layer, weights: FloatArray, levels: Sequence[float], selection: Selection
    ) -> list[Change]:
        """Return the changes of `prepare`, each checked where it is made.

        Raises
        ------
        CortadoError
            From the changes or at once, if the treatment raises anything, or returns what are no
            weights of the layer.
        """
        with foreign_code(self._place(layer)):
            prepared = self.prepare(layer, weights, levels, selection)
        return [partial(self._checked, change, layer) for change in prepared]

    def changed(
        self, layer: Layer, weights: FloatArray, level: float, selection: Selection
    ) -> FloatArray:
        """Return the weights of a layer at a level, checked; see `changes`."""
        (change,) = self.changes(layer, weights, (level,), selection)
        return change(weights)

    def _applied(
        self, weights: FloatArray, layer: Layer, level: float, selection: Selection
    ) -> FloatArray:
        return self.apply(layer, weights, level, selection)

    def _checked(self, change: Change, layer: Layer, weights: FloatArray) -> FloatArray:
        place = self._place(layer)
        with foreign_code(place):
            found = np.asarray(change(weights), np.float32)
        if found.shape != weights.shape:
            shapes = f"({show_shape(found.shape)}), not ({show_shape(weights.shape)})"
            raise CortadoError(f"{place} returned weights of the shape {shapes}")
        if not np.isfinite(found).all() and np.isfinite(weights).all():
            raise CortadoError(f"{place} returned NaN or an infinite weight")
        if (found[weights == 0] != 0).any():
            raise CortadoError(f"{place} returned a weight that is not zero where it was zero")
        return found + np.float32(0)  # which makes a plain zero of a negative one

    def _place(self, layer: Layer) -> str:
        return f"the treatment {self.name} of {layer.name}"
