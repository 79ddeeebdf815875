"""The codebook that a layer's values imply.

Between commands no codebook is stored: the distinct values of a layer's non-zero weights are
its codebook. What tells such a layer from one with free weights is how few values it has.
"""

import numpy as np

from cortado.model.typing import FloatArray

__all__ = ["find_codebook"]

_LARGEST = 256  # 8 bits


def find_codebook(weights: FloatArray) -> FloatArray | None:
    """Return the values that the non-zero weights of a layer share, or None if they don't.

    Weights count as shared when they have at most 256 distinct non-zero values, and fewer
    values than weights. A large layer never gets there by chance. A small one does when two of
    its weights happen to be equal; treating those two as one then costs next to nothing, where
    taking a real codebook for free weights would break it up. A layer of a single value is one
    that was filled with a constant, and free.

    Returns
    -------
    array of shape (≤ 256,), float32, ascending, or None
    """
    nonzero = weights[weights != 0]
    distinct = np.unique(nonzero)
    return distinct if 1 < len(distinct) <= _LARGEST and len(distinct) < len(nonzero) else None
