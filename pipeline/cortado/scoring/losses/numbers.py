"""Losses of numbers, for outputs x and targets y: mse, the mean of (x − y)², and l1, of |x − y|."""

import numpy as np

from cortado.model.typing import Array, FloatArray
from cortado.scoring.losses.term import Term, check_sizes

__all__ = ["absolute_error", "squared_error"]


def squared_error(term: Term, scores: Array, targets: Array) -> tuple[float, float]:
    """Return the sum of the squared errors, and the number of them."""
    return float(np.square(_difference(term, scores, targets)).sum()), targets.size


def absolute_error(term: Term, scores: Array, targets: Array) -> tuple[float, float]:
    """Return the sum of the absolute errors, and the number of them."""
    return float(np.abs(_difference(term, scores, targets)).sum()), targets.size


def _difference(term: Term, scores: Array, targets: Array) -> FloatArray:
    check_sizes(term, scores.shape, targets.shape)
    wide = scores.reshape(-1).astype(np.float64)
    difference: FloatArray = wide - targets.reshape(-1).astype(np.float64)
    return difference
