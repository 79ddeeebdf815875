"""The uniform grid that a layer's values imply: w = k · s with small integers k.

As with a codebook, nothing is stored: the step s is found again from the weights. A weight lies
on the grid of step s if

    w = float32(k) · float32(s)        with an integer |k| ≤ n

bit for bit, so that an integer kernel which keeps k and s computes with the very same weight.
"""

import numpy as np

from cortado.model.typing import FloatArray, IntArray

__all__ = [
    "LARGEST_INT4",
    "LARGEST_INT8",
    "find_shared_step",
    "find_step",
    "largest_integer",
    "round_to_grid",
]

LARGEST_INT8 = 127
LARGEST_INT4 = 7
"""The largest integers of grids that are symmetric around zero."""


def largest_integer(bits: int) -> int:
    """Return n = 2^(bits − 1) − 1, the largest integer of a symmetric grid."""
    return int(2 ** (bits - 1)) - 1


def find_step(weights: FloatArray, largest: int) -> np.float32 | None:
    """Return the step of a uniform grid that all weights lie on, or None if there is none.

    Parameters
    ----------
    weights : array of any shape, float32
        Zeros lie on every grid.
    largest : int
        The largest integer n.

    Returns
    -------
    numpy.float32 or None
        The largest such step; 1 for weights that are all zero.

    Notes
    -----
    If the smallest magnitude is k · s, rounded, then s lies within one unit in the last place
    of that magnitude divided by k. So every k up to n is tried, with three steps each.
    """
    magnitudes = np.unique(np.abs(weights))
    magnitudes = magnitudes[magnitudes > 0]
    if not magnitudes.size:
        return np.float32(1)
    if len(magnitudes) > largest:
        return None
    smallest, ratio = magnitudes[0], float(magnitudes[-1]) / float(magnitudes[0])
    for k in range(1, int(largest / ratio + 0.5) + 1):
        near = np.float32(smallest / np.float32(k))
        for step in (near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, 0 * near)):
            if step > 0 and _lies_on(magnitudes, step, largest):
                return step
    return None


def find_shared_step(weights: FloatArray) -> np.float32 | None:
    """Return the step of a layer that was put on a uniform grid; a single value is no grid.

    Three free float32 weights lie on a grid by chance once in a million layers.
    """
    nonzero = weights[weights != 0]
    return None if (nonzero == nonzero[:1]).all() else find_step(nonzero, LARGEST_INT8)


def round_to_grid(weights: FloatArray, step: FloatArray | np.float32, largest: int) -> IntArray:
    """Return the integers k of the nearest points of the grid, of the weights' shape, int8."""
    integers: IntArray = np.clip(np.rint(weights / step), -largest, largest).astype(np.int8)
    return integers


def _lies_on(magnitudes: FloatArray, step: np.float32, largest: int) -> bool:
    integers = np.rint(magnitudes / step).astype(np.float32)
    return bool(integers[-1] <= largest and np.array_equal(integers * step, magnitudes))
