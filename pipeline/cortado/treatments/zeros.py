"""``prune``: the weights of least importance become zero, a fraction r of all.

Fractions stand on a scale of −log10(1 − r), so that 90 %, 99 % and 99.9 % are equally far apart:
that is where networks break. Midway between two of them is the geometric mean of the densities:

    r = 1 − √((1 − r_1)(1 − r_2))
"""

import math

import numpy as np

from cortado.model.layers.prunable import Layer
from cortado.model.typing import FloatArray
from cortado.prune import Pool, draw_masks
from cortado.treatments.treatment import Contents, Look, Selection, Treatment

__all__ = ["Zeros"]

_CLOSEST = 0.1  # neighbours whose densities differ by less than this part of them stay neighbours


class Zeros(Treatment):
    """Unstructured pruning; a level is a fraction of zeros, 0 < r < 1."""

    name = "prune"
    levels = (0.3, 0.5, 0.65, 0.75, 0.82, 0.88, 0.92, 0.95, 0.97, 0.98)  # denser where nets break
    further = (0.985, 0.99, 0.995)
    look = Look(
        axis="fraction of zeros",
        column="sparsity",
        level="{:.2%}",
        untouched="0.00%",
        phrase="pruned to {}",
        ticks=(0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999),
    )
    order = 0
    selects = True
    makes_zeros = True

    def requirement(self, level: float) -> str:
        """Return what a level must be, where this one is not."""
        return "" if 0 < level < 1 else "a fraction between 0 and 1"

    def harshness(self, level: float) -> float:
        """Return where a level stands on its axis."""
        return -math.log10(1 - level)

    def apply(
        self, layer: Layer, weights: FloatArray, level: float, selection: Selection
    ) -> FloatArray:
        """Return weights with a fraction of zeros."""
        del layer
        masks = draw_masks({"": weights}, [Pool(("",), level)], selection.method, selection.seed)
        return np.where(masks[""], weights, np.float32(0))

    def midway(self, gentle: float, harsh: float) -> float | None:
        """Return the level at the geometric mean of the densities; None if they are close."""
        if (1 - harsh) >= (1 - _CLOSEST) * (1 - gentle):
            return None
        return round(1 - math.sqrt((1 - gentle) * (1 - harsh)), 4)

    def already(self, weights: FloatArray) -> str:
        """Return how many zeros there are."""
        return f"{1 - np.count_nonzero(weights) / weights.size:.2%} of it are zeros"

    def level_of(self, found: Contents) -> float | None:
        """Return the fraction of zeros."""
        level = found.zeros / max(found.weights, 1)
        return level if 0 < level < 1 else None

    def is_reached(self, level: float, zeros: int, found: Contents) -> bool:
        """Return whether a layer has as many zeros."""
        del level
        return zeros == found.zeros
