"""The points of a sweep: a layer, what is done to it, and how far.

The weights of a point are those that `prune` or `quantize` would give the layer, alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cortado.model.layers.prunable import Layer
from cortado.model.layers.selector import ALL, Assignment, assign
from cortado.model.typing import FloatArray
from cortado.prune import Pool, draw_masks
from cortado.quantize import make_codebook
from cortado.quantize.codebook import share_values
from cortado.sensitivity.options import Kind, SweepOptions

__all__ = ["Point", "change", "changed_weights", "grid", "select"]


@dataclass(frozen=True, order=True)
class Point:
    """One row of the table.

    Attributes
    ----------
    place : int
        The position of the layer among those that are swept.
    treatment : {"prune", "bits"}
        What is done to it.
    level : float
        The fraction of zeros, or the bits.
    """

    place: int
    treatment: Kind
    level: float


def select(layers: Sequence[Layer], selectors: Iterable[str]) -> list[Layer]:
    """Return the layers that any of the selectors matches; all without selectors."""
    chosen = assign(layers, [Assignment(selector, None) for selector in selectors or (ALL,)])
    return [layer for layer in layers if layer.key in chosen]


def grid(layers: int, options: SweepOptions) -> list[Point]:
    """Return the points of a sweep in the order of its table."""
    rates: dict[Kind, tuple[float, ...]] = {"prune": options.rates, "bits": options.bits}
    return sorted(
        Point(place, kind, float(rate))
        for place in range(layers)
        for kind in set(options.kinds)
        for rate in set(rates[kind])
    )


def change(layer: Layer, point: Point, options: SweepOptions) -> FloatArray | str:
    """Return the weights of `layer` at `point`, or why the point says nothing about it."""
    before = layer.array
    after = changed_weights(before, point.treatment, point.level, options)
    if before.any() and not after.any():
        return "it would lose all of its weights"
    if np.array_equal(before, after):
        zeros = 1 - np.count_nonzero(before) / before.size
        known = (
            f"{zeros:.2%} of it are zeros" if point.treatment == "prune" else "it has so few values"
        )
        return f"nothing would change: {known} already"
    return after


def changed_weights(
    before: FloatArray, kind: Kind, rate: float, options: SweepOptions
) -> FloatArray:
    """Return weights pruned to a fraction of zeros, or sharing 2^rate values."""
    if kind == "bits":
        values = before[before != 0]
        if not values.size:
            return before
        codebook = make_codebook(
            values, 2 ** int(rate), "optimal", np.random.default_rng(options.seed)
        )
        return share_values(before, codebook)
    masks = draw_masks({"": before}, [Pool(("",), rate)], options.method, options.seed)
    return np.where(masks[""], before, np.float32(0))
