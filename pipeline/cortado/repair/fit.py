"""Fitting one layer: new weights and biases from the moments of its rows."""

from dataclasses import dataclass

import numpy as np

from cortado.model.typing import BoolArray, FloatArray
from cortado.repair.moments import Moments
from cortado.repair.shared import find_sharing, solve_values
from cortado.repair.solve import solve_on_support

__all__ = ["Linear", "fit"]


@dataclass(frozen=True)
class Linear:
    """A layer as a matrix (outputs, k) and a bias (outputs,), float32."""

    matrix: FloatArray
    bias: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return y of shape (n, outputs) for x of shape (n, groups, k)."""
        by_group = self.matrix.reshape(x.shape[1], -1, self.matrix.shape[1])
        products = x.transpose(1, 0, 2) @ by_group.transpose(0, 2, 1)  # (groups, n, outputs of one)
        y: FloatArray = products.transpose(1, 0, 2).reshape(len(x), -1) + self.bias
        return y


def fit(moments: Moments, old: Linear, free: BoolArray, damping: float) -> tuple[Linear, str]:
    """Return the layer that fits best, and what was fitted: ``weights``, ``values`` or ``step``.

    Parameters
    ----------
    moments : Moments
        Of the rows.
    old : Linear
        The layer as it is. Its zeros stay zero, its shared values stay shared.
    free : array of shape (outputs,), bool
        Where the bias may move.
    damping : float
        See `RepairOptions`.
    """
    sharing = find_sharing(old.matrix)
    if sharing is None:
        kind = "weights"
        whole = np.concatenate([old.matrix, old.bias[:, None]], axis=1)
        support = np.concatenate([old.matrix != 0, free[:, None]], axis=1)
        solved = solve_on_support(moments, whole, support, damping)
        matrix = solved[:, :-1].astype(np.float32)
    else:
        kind = sharing.kind
        matrix = sharing.weights(solve_values(moments, sharing, old.bias, free, damping))
    mean_x = moments.inputs[moments.group, :-1, -1]
    left = moments.cross[:, -1] - (matrix * mean_x).sum(axis=1)
    return Linear(matrix, np.where(free, left, old.bias).astype(np.float32)), kind
