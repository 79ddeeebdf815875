"""Codebooks: the few values that the non-zero weights of a layer share.

The initial centroids are those of Deep Compression (Han et al. 2016, 1510.00149, section 3.2):

linear    evenly spaced between the smallest and the largest weight
density   evenly spaced in the weights' cumulative distribution
random    distinct weights drawn at random
optimal   the one-dimensional k-means of least inertia; nothing is left to iterate

Lloyd's iteration then moves the first three to a local optimum.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from cortado.model.typing import FloatArray, IntArray
from cortado.quantize.kmeans import lloyd, optimal_kmeans_of_sizes

__all__ = ["Init", "assign_nearest", "make_codebook", "optimal_codebooks", "share_values"]

Init = Literal["linear", "density", "random", "optimal"]


def make_codebook(
    values: FloatArray, clusters: int, init: Init, generator: np.random.Generator
) -> FloatArray:
    """Return the shared values for some non-zero weights.

    Parameters
    ----------
    values : array of shape (n,), float32
        The non-zero weights, n ≥ 1.
    clusters : int
        The largest number of shared values.
    init : {"linear", "density", "random", "optimal"}
        Where the centroids start.
    generator : numpy.random.Generator
        Only ``random`` draws from it.

    Returns
    -------
    array of shape (≤ clusters,), float32, ascending
        None of them is zero, so that no weight is lost.
    """
    if init == "optimal":
        return optimal_codebooks(values, (clusters,))[0]
    distinct = np.unique(values)
    if len(distinct) <= clusters:
        return distinct
    centroids = lloyd(values, _start(values, distinct, clusters, init, generator))
    return _without_zero(centroids.astype(np.float32), values)


def optimal_codebooks(values: FloatArray, sizes: Sequence[int]) -> list[FloatArray]:
    """Return the optimal shared values for several numbers of them, at the cost of the largest.

    Parameters
    ----------
    values : array of shape (n,), float32
        The non-zero weights, n ≥ 1.
    sizes : sequence of int
        The largest numbers of shared values.
    """
    distinct = np.unique(values)
    found = optimal_kmeans_of_sizes(values, sizes)
    return [
        distinct if len(distinct) <= size else _without_zero(centroids.astype(np.float32), values)
        for size, centroids in zip(sizes, found, strict=True)
    ]


def assign_nearest(values: FloatArray, codebook: FloatArray) -> IntArray:
    """Return the index of the nearest entry of an ascending codebook for each value."""
    wide = codebook.astype(np.float64)
    return np.searchsorted((wide[1:] + wide[:-1]) / 2, values)


def share_values(array: FloatArray, codebook: FloatArray) -> FloatArray:
    """Return an array with the nearest entry of a codebook for each value that is not zero."""
    shared = np.zeros_like(array)  # also turns a negative zero into zero
    kept = array != 0
    shared[kept] = codebook[assign_nearest(array[kept], codebook)]
    return shared


def _start(
    values: FloatArray,
    distinct: FloatArray,
    clusters: int,
    init: Init,
    generator: np.random.Generator,
) -> FloatArray:
    if init == "linear":
        return np.linspace(distinct[0], distinct[-1], clusters)
    if init == "density":
        return np.quantile(values, (np.arange(clusters) + 0.5) / clusters)
    return generator.choice(distinct, clusters, replace=False)


def _without_zero(codebook: FloatArray, values: FloatArray) -> FloatArray:
    """Move a centroid that fell on zero to the weight nearest to it: zero means pruned."""
    nearest = values[np.argmin(np.abs(values))]
    return np.unique(np.where(codebook == 0, nearest, codebook))
