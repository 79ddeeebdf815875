"""The points of a sweep: a layer, what is done to it, and how far.

The weights of a point are those that its treatment gives the layer, alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cortado.model.layers.prunable import Layer
from cortado.model.layers.selector import ALL, Assignment, assign
from cortado.model.typing import FloatArray
from cortado.sensitivity.options import SweepOptions
from cortado.treatments import treatment_named

__all__ = ["Point", "change", "grid", "select"]


@dataclass(frozen=True, order=True)
class Point:
    """One row of the table.

    Attributes
    ----------
    place : int
        The position of the layer among those that are swept.
    treatment : str
        The name of what is done to it.
    level : float
        How far.
    """

    place: int
    treatment: str
    level: float


def select(layers: Sequence[Layer], selectors: Iterable[str]) -> list[Layer]:
    """Return the layers that any of the selectors matches; all without selectors."""
    chosen = assign(layers, [Assignment(selector, None) for selector in selectors or (ALL,)])
    return [layer for layer in layers if layer.key in chosen]


def grid(layers: int, options: SweepOptions) -> list[Point]:
    """Return the points of a sweep in the order of its table."""
    return sorted(
        Point(place, name, float(level))
        for place in range(layers)
        for name, levels in options.treatments.items()
        for level in set(levels)
    )


def change(layer: Layer, point: Point, options: SweepOptions) -> FloatArray | str:
    """Return the weights of `layer` at `point`, or why the point says nothing about it."""
    before, treatment = layer.array, treatment_named(point.treatment)
    after = treatment.changed(layer, before, point.level, options.selection)
    if before.any() and not after.any():
        return "it would lose all of its weights"
    if np.array_equal(before, after):
        return f"nothing would change: {treatment.already(before)} already"
    return after
