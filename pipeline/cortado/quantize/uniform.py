"""The uniform grid of least squared error: values k · s that an integer kernel holds exactly.

With magnitudes x_i, n_i times each, and integers k_i = min(rint(x_i / s), L), the error

    E = Σ n_i (x_i − k_i s)²  is least at  s = A / B,  and there  E = Σ n_i x_i² − A² / B

with A = Σ n_i x_i k_i and B = Σ n_i k_i². When s falls from infinity to zero, k_i grows from
k to k + 1 at s = x_i / (k + ½): m values have m · L such events, and between two of them no k_i
changes. So all assignments that any s can give are met by sorting the events, A and B are
running sums over them, and the one of largest A² / B is the optimum, exactly.

Where there are too many events, values are merged into groups of equal width first, hundreds
of them a step, and s and k of all values then improve each other until they rest.
"""

import numpy as np

from cortado.model.layers.grid import find_step, round_to_grid
from cortado.model.typing import FloatArray

__all__ = ["EXACT_EVENTS", "to_uniform_grid", "uniform_step"]

EXACT_EVENTS = 4_000_000
"""Events up to which `uniform_step` is the exact optimum."""

_MAX_ITERATIONS = 50
_SMALLEST = np.finfo(np.float32).smallest_subnormal  # of which every float32 is a multiple


def to_uniform_grid(values: FloatArray, largest: int) -> FloatArray:
    """Return the nearest points of the best grid, float32(k) · float32(s) with |k| ≤ `largest`.

    Parameters
    ----------
    values : array of shape (n,), float32
        The non-zero weights, n ≥ 1. Those nearer to zero than to s become zero.
    largest : int
        L, at least 1.

    Returns
    -------
    array of shape (n,), float32
        The values themselves if they lie on a grid already.
    """
    if find_step(values, largest) is not None:
        return values
    step = np.maximum(np.float32(uniform_step(values, largest)), _SMALLEST)
    integers = round_to_grid(values, step, largest).astype(np.float32)
    return np.asarray(integers * step + np.float32(0))  # −0 + 0 is 0


def uniform_step(values: FloatArray, largest: int, exact_events: int = EXACT_EVENTS) -> float:
    """Return the step of least squared error.

    Parameters
    ----------
    values : array of shape (n,)
        At least one of them not zero.
    largest : int
        L, at least 1.
    exact_events : int
        The most events, values times L, up to which the result is the optimum; beyond it is
        one that neither s nor k alone can improve.
    """
    magnitudes, counted = np.unique(np.abs(values.astype(np.float64)), return_counts=True)
    counts = counted.astype(np.float64)
    limit = exact_events // largest
    if len(magnitudes) <= limit:
        return _sweep(magnitudes, counts, largest)
    labels = np.floor(magnitudes * (limit / magnitudes[-1]))  # of equal width
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    weights = np.add.reduceat(counts, starts)
    means = np.add.reduceat(counts * magnitudes, starts) / weights
    return _refine(magnitudes, counts, _sweep(means, weights, largest), largest)


def _sweep(magnitudes: FloatArray, counts: FloatArray, largest: int) -> float:
    """Return the best step of all assignments, by running sums over the sorted events."""
    ks = np.arange(largest, dtype=np.float64)  # an event takes an integer from k to k + 1
    order = np.argsort(-(magnitudes[:, None] / (ks + 0.5)), axis=None, kind="stable")
    a = np.cumsum(np.repeat(counts * magnitudes, largest)[order])
    b = np.cumsum((counts[:, None] * (2 * ks + 1)).reshape(-1)[order])
    best = int(np.argmax(a * (a / b)))
    return float(a[best] / b[best])


def _refine(magnitudes: FloatArray, counts: FloatArray, step: float, largest: int) -> float:
    """Alternate nearest integers and the best step for them until the step rests."""
    for _ in range(_MAX_ITERATIONS):
        integers = np.minimum(np.rint(magnitudes / step), largest)
        better = float((counts * magnitudes * integers).sum() / (counts * integers**2).sum())
        if better == step:
            break
        step = better
    return step
