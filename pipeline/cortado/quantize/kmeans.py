"""One-dimensional k-means: exact by dynamic programming, or Lloyd's iteration from a start.

In one dimension an optimal cluster is a run of the sorted values. With x the sorted distinct
values, n their counts and

    cost(a, b) = Σ_{a≤i<b} n_i (x_i − mean)²

the least inertia of the first b values in j clusters obeys

    D_j(b) = min_{a<b} D_{j−1}(a) + cost(a, b),

whose minimizer a grows with b (cost has the concave Monge property). So the minimizers of one
j are found by halving the step between the b already solved (divide and conquer, O(m log m)
for m values), all b of one level at once in numpy. The minimizer grows with j as well, which leaves
half of the search, and for many clusters so little that all b are searched at once. Source:
Grønlund et al. 2017 (1701.07204); Wang and Song 2011 for the recurrence.

Up to `EXACT_LIMIT` distinct values the result is the optimum. Beyond, neighbouring values are
merged into some thousand groups, the groups are solved exactly, and Lloyd's iteration on all
values moves the boundaries to where they belong.

On the way to k clusters the recurrence solves all smaller numbers: several cost as much as the
largest of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cortado.model.typing import Array, FloatArray, IntArray

__all__ = ["EXACT_LIMIT", "lloyd", "optimal_kmeans", "optimal_kmeans_of_sizes"]

EXACT_LIMIT = 2**15
"""Distinct values up to which `optimal_kmeans` is exact: a second of work for 64 centroids."""

_GROUPS = 4096  # groups of equal count, and as many of equal width
_MAX_ITERATIONS = 300
_AT_ONCE = 2**16  # runs that are costed at once


@dataclass(frozen=True)
class _Sorted:
    """Sorted values with prefix sums, so that any run of them is costed in O(1).

    Attributes
    ----------
    values : array of shape (m,), float64
        Ascending and distinct, shifted by `origin` to keep the sums small.
    counts, sums, squares : arrays of shape (m + 1,), float64
        Prefix sums of n, n·x and n·x².
    """

    values: FloatArray
    counts: FloatArray
    sums: FloatArray
    squares: FloatArray
    origin: float

    @classmethod
    def of(cls, values: FloatArray) -> "_Sorted":
        distinct, counts = np.unique(values, return_counts=True)
        wide = distinct.astype(np.float64)
        origin = float(np.average(wide, weights=counts))
        wide -= origin
        return cls(
            wide,
            _prefix(counts.astype(np.float64)),
            _prefix(counts * wide),
            _prefix(counts * wide**2),
            origin,
        )

    def costs(self, begins: IntArray, ends: IntArray) -> FloatArray:
        """Return the inertia of each run [begin, end) around its own mean."""
        counts = self.counts[ends] - self.counts[begins]
        sums = self.sums[ends] - self.sums[begins]
        squares = self.squares[ends] - self.squares[begins]
        return np.maximum(squares - sums * sums / np.maximum(counts, 1), 0)

    def means(self, cuts: IntArray) -> FloatArray:
        """Return the means of the runs between cuts of shape (k + 1,)."""
        return np.diff(self.sums[cuts]) / np.diff(self.counts[cuts])

    def grouped(self, cuts: IntArray) -> "_Sorted":
        """Merge the runs between cuts; a run's cost keeps what the merged values spread."""
        return _Sorted(
            self.means(cuts), self.counts[cuts], self.sums[cuts], self.squares[cuts], self.origin
        )


def optimal_kmeans(values: FloatArray, clusters: int, exact_limit: int = EXACT_LIMIT) -> FloatArray:
    """Return the centroids of least inertia.

    Parameters
    ----------
    values : array of shape (n,)
        In any order, n ≥ 1.
    clusters : int
        The number of centroids; fewer come back if there are fewer distinct values.
    exact_limit : int
        The most distinct values that are solved exactly.

    Returns
    -------
    array of shape (≤ clusters,), float64, ascending
        The optimum for up to `exact_limit` distinct values, else within 0.1 % of its inertia.
    """
    return optimal_kmeans_of_sizes(values, (clusters,), exact_limit)[0]


def optimal_kmeans_of_sizes(
    values: FloatArray, sizes: Sequence[int], exact_limit: int = EXACT_LIMIT
) -> list[FloatArray]:
    """Return the centroids of least inertia for several numbers of them; else `optimal_kmeans`."""
    data = _Sorted.of(values)
    most = max((size for size in sizes if size < len(data.values)), default=0)
    is_exact = len(data.values) <= exact_limit
    groups = np.arange(len(data.values) + 1) if is_exact else _group_cuts(data)
    choices = _choices(data if is_exact else data.grouped(groups), most)
    found = []
    for size in sizes:
        if size > most:
            found.append(data.values + data.origin)
            continue
        means = data.means(groups[_cuts(choices, size)])
        found.append((means if is_exact else _iterate(data, means)) + data.origin)
    return found


def lloyd(values: FloatArray, centroids: FloatArray) -> FloatArray:
    """Return centroids at which Lloyd's iteration from the given ones rests.

    Parameters
    ----------
    values : array of shape (n,)
        In any order, n ≥ 1.
    centroids : array of shape (k,)
        Where to start.

    Returns
    -------
    array of shape (≤ k,), float64, ascending
        Centroids that attract no value are dropped.
    """
    data = _Sorted.of(values)
    start = np.unique(centroids.astype(np.float64)) - data.origin
    return _iterate(data, start) + data.origin


def _prefix(terms: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(terms)])


def _iterate(data: _Sorted, centroids: FloatArray) -> FloatArray:
    """Alternate nearest centroids and means until no boundary moves."""
    cuts = np.zeros(0, np.int64)
    for _ in range(_MAX_ITERATIONS):
        inner = np.searchsorted(data.values, (centroids[1:] + centroids[:-1]) / 2)
        moved = np.unique(np.concatenate([[0], inner, [len(data.values)]]))
        if np.array_equal(moved, cuts):
            break
        cuts = moved
        centroids = data.means(cuts)
    return centroids


def _group_cuts(data: _Sorted) -> IntArray:
    """Cut the values into groups of at most 1/4096 of the count and of the width each."""
    total = len(data.values)
    by_count = np.searchsorted(data.counts, np.linspace(0, data.counts[-1], _GROUPS + 1))
    edges = np.linspace(data.values[0], data.values[-1], _GROUPS + 1)
    by_width = np.searchsorted(data.values, edges[1:-1])
    cuts = np.concatenate([[0], by_count, by_width, [total]])
    return np.unique(np.minimum(cuts, total))


def _choices(data: _Sorted, clusters: int) -> Array:
    """Return where the last of j + 1 clusters of the first b values begins.

    Returns
    -------
    array of shape (clusters, m + 1), int32
    """
    count = len(data.values)
    ends = np.arange(count + 1)
    best = data.costs(np.zeros_like(ends), ends)  # D_1
    choices = np.zeros((clusters, count + 1), np.int32)
    for cluster in range(1, clusters):
        best, choices[cluster] = _add_cluster(data, best, cluster, choices[cluster - 1])
    return choices


def _cuts(choices: Array, clusters: int) -> IntArray:
    """Return the cuts of shape (clusters + 1,) between the runs of least inertia."""
    cuts = [choices.shape[1] - 1]
    for cluster in range(clusters - 1, -1, -1):
        cuts.append(int(choices[cluster, cuts[-1]]))
    return np.array(cuts[::-1])


def _add_cluster(
    data: _Sorted, previous: FloatArray, before: int, earlier: Array
) -> tuple[FloatArray, IntArray]:
    """Return D_j and its minimizers from D_{j−1} and those of it, `earlier`: each (m + 1,).

    Each of the `before` = j − 1 clusters in front gets a value at least: where costs vanish in
    rounding, an empty one would be as good, and has no mean.
    """
    last = len(previous) - 1
    best, choice = np.zeros(last + 1), np.zeros(last + 1, np.int64)
    ends = np.arange(1, last + 1)
    low = np.minimum(np.maximum(earlier[1:], before), ends - 1)
    if (ends - low).sum() <= _AT_ONCE:
        best[1:], choice[1:] = _argmin_runs(data, previous, ends, low, ends - 1)
        return best, choice
    step = 1 << last.bit_length()
    while step:
        ends = np.arange(step, last + 1, 2 * step)
        low = np.maximum(np.maximum(choice[ends - step], earlier[ends]), before)
        low = np.minimum(low, ends - 1)
        above = ends + step
        high = np.where(above <= last, choice[np.minimum(above, last)], last)
        high = np.maximum(np.minimum(high, ends - 1), low)  # where costs tie in rounding
        best[ends], choice[ends] = _argmin_runs(data, previous, ends, low, high)
        step //= 2
    return best, choice


def _argmin_runs(
    data: _Sorted, previous: FloatArray, ends: IntArray, low: IntArray, high: IntArray
) -> tuple[FloatArray, IntArray]:
    """Minimize previous[a] + cost(a, end) over low ≤ a ≤ high, for every end at once."""
    if not len(ends):
        return np.zeros(0), np.zeros(0, np.int64)
    sizes = high - low + 1
    starts = np.cumsum(sizes) - sizes
    begins = np.arange(sizes.sum()) + np.repeat(low - starts, sizes)
    totals = previous[begins] + data.costs(begins, np.repeat(ends, sizes))
    least = np.minimum.reduceat(totals, starts)
    at = np.flatnonzero(totals == np.repeat(least, sizes))
    first = at[np.searchsorted(at, starts)]
    return least, begins[first]
