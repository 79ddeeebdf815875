"""``bits``: the weights that are not zero share at most 2^B values, those of the optimal k-means.

One run of k-means gives the codebooks of all levels, and it takes most of the time: `prepare`
finds them together, and each change keeps its own.
"""

import math
from collections.abc import Sequence
from functools import partial

from cortado.model.layers.prunable import Layer
from cortado.model.typing import FloatArray
from cortado.quantize import MAX_BITS, optimal_codebooks, share_values
from cortado.treatments.treatment import Change, Contents, Look, Selection, Treatment

__all__ = ["SharedValues"]


class SharedValues(Treatment):
    """Weight sharing; a level is a whole number B of bits."""

    name = "bits"
    levels = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
    look = Look(
        axis="bits of the shared values",
        column="bits",
        untouched="float32",
        phrase="at {} bits",
    )

    def requirement(self, level: float) -> str:
        """Return what a level must be, where this one is not."""
        known = level in range(1, MAX_BITS + 1)
        return "" if known else f"bits, a whole number from 1 to {MAX_BITS}"

    def harshness(self, level: float) -> float:
        """Return where a level stands on its axis: bits fall from left to right."""
        return -level

    def apply(
        self, layer: Layer, weights: FloatArray, level: float, selection: Selection
    ) -> FloatArray:
        """Return weights that share 2^level values."""
        (change,) = self.prepare(layer, weights, (level,), selection)
        return change(weights)

    def prepare(
        self, layer: Layer, weights: FloatArray, levels: Sequence[float], selection: Selection
    ) -> Sequence[Change]:
        """Return the changes to several levels, each with its codebook."""
        del layer, selection
        nonzero = weights[weights != 0]
        sizes = [2 ** int(level) for level in levels]
        books = optimal_codebooks(nonzero, sizes) if nonzero.size else [nonzero] * len(sizes)
        return [partial(share_values, codebook=codebook) for codebook in books]

    def already(self, weights: FloatArray) -> str:
        """Return that there is nothing to share."""
        del weights
        return "it has so few values"

    def is_reached(self, level: float, zeros: int, found: Contents) -> bool:
        """Return whether a codebook of the layer's values takes as many bits."""
        del zeros
        return level == math.ceil(math.log2(max(found.distinct, 1)))
