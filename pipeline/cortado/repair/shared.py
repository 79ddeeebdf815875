"""Least squares on shared values: every weight stays with its value, the values move.

A weight is w = Σ_c v_c D_c, where D_c says which weights take the value c: of a codebook 1 where
they do, of a uniform grid the integers of all weights, whose only value is the step. With H and G
of the rows, the mean taken off for outputs whose bias may move,

    A_cd = Σ D_c H D_d,   r_c = Σ G D_c,   (A + λ I) v = r + λ v_old,   λ = damping · mean A_cc

summed over all outputs, which share the values.
"""

from dataclasses import dataclass

import numpy as np

from cortado.model.layers.codebook import find_codebook
from cortado.model.layers.grid import find_shared_step
from cortado.model.typing import BoolArray, FloatArray, IntArray
from cortado.repair.moments import Moments

__all__ = ["Sharing", "find_sharing", "solve_values"]


@dataclass(frozen=True)
class Sharing:
    """Which weights share a value, and how.

    Attributes
    ----------
    values : array of shape (c,), float32
        The codebook, or the step alone.
    labels : array of the shape of the weights, int64
        The value of each weight; c where a weight is zero.
    factors : array of the shape of the weights, float32
        What it is multiplied with: the integer of a uniform grid, else 1.
    kind : str
        ``values`` or ``step``.
    """

    values: FloatArray
    labels: IntArray
    factors: FloatArray
    kind: str

    def weights(self, values: FloatArray) -> FloatArray:
        """Return the weights for other values, float32; no value becomes zero."""
        smallest = np.finfo(np.float32).tiny
        single = values.astype(np.float32)
        single[single == 0] = smallest
        weights: FloatArray = np.append(single, np.float32(0))[self.labels] * self.factors
        return weights


def find_sharing(weights: FloatArray) -> Sharing | None:
    """Return how the weights of a layer share values, or None if they are free."""
    step = find_shared_step(weights)
    if step is not None:
        integers = np.rint(weights / step).astype(np.float32)
        labels = np.where(weights == 0, 1, 0)
        return Sharing(np.array([step]), labels, integers, "step")
    codebook = find_codebook(weights)
    if codebook is None:
        return None
    labels = np.where(weights == 0, len(codebook), np.searchsorted(codebook, weights))
    return Sharing(codebook, labels, np.ones_like(weights), "values")


def solve_values(
    moments: Moments, sharing: Sharing, bias: FloatArray, free: BoolArray, damping: float
) -> FloatArray:
    """Return the shared values that fit best, of shape (c,).

    Parameters
    ----------
    moments : Moments
        Of the rows.
    sharing : Sharing
        Of the weights as a matrix (outputs, k).
    bias : array of shape (outputs,)
        As it is.
    free : array of shape (outputs,), bool
        Where the bias may move; there it takes up whatever the means differ by.
    damping : float
        See `RepairOptions`.
    """
    count = len(sharing.values)
    mean_x = moments.inputs[moments.group, :-1, -1]  # (outputs, k)
    taken = np.where(free, moments.cross[:, -1], bias)
    target = moments.cross[:, :-1] - mean_x * taken[:, None]
    system = np.stack(
        [_row(moments, sharing, value, free, mean_x) for value in range(count)]
    )  # (c, c)
    right = _by_value(sharing, target)
    diagonal = np.diagonal(system)
    strength = damping * float(diagonal.mean()) or 1.0
    return np.linalg.solve(system + strength * np.eye(count), right + strength * sharing.values)


def _row(
    moments: Moments, sharing: Sharing, value: int, free: BoolArray, mean_x: FloatArray
) -> FloatArray:
    """Return A_cd for one c."""
    members = np.where(sharing.labels == value, sharing.factors, 0).astype(np.float64)
    grouped = members.reshape(len(moments.inputs), -1, members.shape[1])
    products = (grouped @ moments.inputs[:, :-1, :-1]).reshape(members.shape)
    means = (members * mean_x).sum(axis=1) * free  # (outputs,)
    return _by_value(sharing, products - means[:, None] * mean_x)


def _by_value(sharing: Sharing, array: FloatArray) -> FloatArray:
    """Sum an array of the weights' shape over the weights of each value."""
    weighted = (array * sharing.factors).ravel()
    sums = np.bincount(sharing.labels.ravel(), weighted, len(sharing.values) + 1)
    return np.asarray(sums[:-1], np.float64)
