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

    Weights in half precision are equal by chance far more often: a layer of 256 has some 50 pairs.
    They count as shared when there are at least twice as many of them as values.

    Returns
    -------
    array of shape (≤ 256,), float32, ascending, or None
    """
    nonzero = weights[weights != 0]
    distinct = np.unique(nonzero)
    most = len(nonzero) // 2 if _is_half(distinct) else len(nonzero) - 1
    return distinct if 1 < len(distinct) <= min(_LARGEST, most) else None


def _is_half(values: FloatArray) -> bool:
    """Return whether float16 or bfloat16 holds all values exactly."""
    single = values.astype(np.float32)
    if not (single.view(np.uint32) & 0xFFFF).any():
        return True
    with np.errstate(over="ignore"):
        return bool((single.astype(np.float16) == single).all())
