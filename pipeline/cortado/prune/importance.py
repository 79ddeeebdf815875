"""Importance: a non-negative score for each weight of one layer; small is cut first.

========== ======================================= ==============================================
method     score of weight w                       source
========== ======================================= ==============================================
magnitude  |w|                                     Han et al. 2015 (1506.02626), section 3
random-    |w|; the mask then keeps some of the    cortado's own rule, see `mask`
below      weights below the threshold
std        |w| / σ, σ the standard deviation of    Han et al. 2015: threshold = quality · σ
           the layer's surviving weights
lamp       w² / Σ w'² over the weights w' of the   Lee et al. 2021 (2010.07611), equation 3
           layer with |w'| ≥ |w|
========== ======================================= ==============================================

In the sum of lamp, weights that tie come in the order of the array. Within one layer all methods
rank the weights by |w|; they differ in how they compare layers.
"""

from typing import Literal

import numpy as np

from cortado.model.typing import FloatArray

__all__ = ["Method", "deviation", "importance"]

Method = Literal["magnitude", "random-below", "std", "lamp"]


def importance(weights: FloatArray, method: Method) -> FloatArray:
    """Return the score of each weight, in the shape of `weights`; that of a zero is zero."""
    if method == "std":
        return np.abs(weights) / np.float32(deviation(weights) or 1)
    if method == "lamp":
        return _lamp(weights)
    return np.abs(weights)


def deviation(weights: FloatArray) -> float:
    """Return the standard deviation of the weights that are not zero; 0 without any."""
    survivors = weights[weights != 0]
    return float(survivors.std()) if survivors.size else 0.0


def _lamp(weights: FloatArray) -> FloatArray:
    flat = weights.reshape(-1)
    squares = np.square(flat, dtype=np.float64)
    order = np.argsort(squares, kind="stable")
    remaining = np.cumsum(squares[order][::-1])[::-1]  # Σ over this weight and all larger ones
    scores = np.empty_like(squares)
    scores[order] = squares[order] / np.maximum(remaining, np.finfo(np.float64).tiny)
    return scores.reshape(weights.shape)
