"""Least squares on the weights that are left, for all outputs of a layer at once.

An output with the weights S left, the bias among them, gets

    (H_SS + λ I) w = G_S + λ w_old,        λ = damping · mean variance of the inputs,

where the bias is not damped. This is what a pruned layer can do at best to give the outputs of the
dense one (the update of Optimal Brain Surgeon for a fixed mask; Hubara et al. 2021, 2102.08124).

Outputs with the same S share a system. Systems are solved many at once, padded to the size of
the largest by ones on the diagonal; they go by size, so that little is padded.
"""

from collections.abc import Iterator

import numpy as np

from cortado.model.typing import BoolArray, FloatArray, IntArray
from cortado.repair.moments import Moments

__all__ = ["solve_on_support"]

_CHUNK = 2**23  # elements of the systems that are solved at once: 64 MB


def solve_on_support(
    moments: Moments, old: FloatArray, support: BoolArray, damping: float
) -> FloatArray:
    """Return the weights that fit best, where `support` allows it.

    Parameters
    ----------
    moments : Moments
        Of the rows.
    old : array of shape (outputs, k + 1)
        The weights and the bias as they are; what is not in the support stays.
    support : array of shape (outputs, k + 1), bool
        What may change.
    damping : float
        See `RepairOptions`.

    Returns
    -------
    array of shape (outputs, k + 1), float64
        `old`, with new values in the support.
    """
    strength = damping * moments.spread
    strength[strength == 0] = 1.0  # inputs that never vary say nothing about their weights
    damped = np.repeat(strength[:, None], old.shape[1], axis=1)  # (groups, k + 1)
    damped[:, -1] = 0
    group = moments.group
    target = moments.cross + damped[group] * old
    fixed = np.where(support[:, -1], 0, old[:, -1])  # a bias that the fit has to live with
    target -= moments.inputs[group, :, -1] * fixed[:, None]
    result = old.astype(np.float64)
    for rows, system in _chunks(support, group):
        first = np.unique(system, return_index=True)[1]
        columns, used = _columns(support[rows[first]])
        matrices = _matrices(moments.inputs, damped, group[rows[first]], columns, used)
        sides, rank = _sides(target[rows], columns, used, system)
        found = np.linalg.solve(matrices, sides)[system, :, rank]  # (rows, s)
        values = np.where(used[system], found, result[rows[:, None], columns[system]])
        result[rows[:, None], columns[system]] = values
    return result


def _chunks(support: BoolArray, group: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield outputs whose systems are solved at once, and the system of each, from 0 ascending."""
    packed = np.packbits(support, axis=1)
    keys = np.concatenate([packed, group.astype(">u4")[:, None].view(np.uint8)], axis=1)
    _, first, member, counts = np.unique(
        keys, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    sizes = support[first].sum(axis=1)
    order = np.argsort(-sizes, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    rows = np.argsort(place[member], kind="stable")  # those of a system side by side
    ends = np.concatenate([[0], np.cumsum(counts[order])])
    begin = 0
    while begin < len(order):
        size = int(sizes[order[begin]]) + 1
        widest = int(counts[order[begin:]].max())
        end = min(begin + max(1, _CHUNK // (size * (size + widest))), len(order))
        system = np.repeat(np.arange(end - begin), counts[order[begin:end]])
        yield rows[ends[begin] : ends[end]], system
        begin = end


def _columns(support: BoolArray) -> tuple[IntArray, BoolArray]:
    """Return the columns in the support of each system, (systems, s), and which are no padding."""
    sizes = support.sum(axis=1)
    columns = np.argsort(~support, axis=1, kind="stable")[:, : sizes.max(initial=0)]
    return columns, np.arange(columns.shape[1]) < sizes[:, None]


def _matrices(
    inputs: FloatArray, damped: FloatArray, group: IntArray, columns: IntArray, used: BoolArray
) -> FloatArray:
    """Return H_SS + λ I of each system, (systems, s, s); ones on the diagonal are the padding."""
    rows = group[:, None] * inputs.shape[1] + columns
    places = rows[:, :, None] * inputs.shape[2] + columns[:, None, :]
    matrices: FloatArray = np.take(inputs, places)  # of all, as one axis: much faster than three
    matrices *= used[:, :, None] & used[:, None, :]
    diagonal = np.arange(columns.shape[1])
    matrices[:, diagonal, diagonal] += np.where(used, damped[group[:, None], columns], 1.0)
    return matrices


def _sides(
    target: FloatArray, columns: IntArray, used: BoolArray, system: IntArray
) -> tuple[FloatArray, IntArray]:
    """Return the right sides, (systems, s, outputs of one), and which of them is of each row."""
    counts = np.bincount(system, minlength=len(columns))
    rank = np.arange(len(system)) - np.repeat(np.cumsum(counts) - counts, counts)
    sides = np.zeros((*columns.shape, counts.max()))
    sides[system, :, rank] = np.take_along_axis(target, columns[system], axis=1) * used[system]
    return sides, rank
