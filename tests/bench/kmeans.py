"""Optimal one-dimensional k-means: its speed, and its inertia beside scikit-learn's."""

import time
from collections.abc import Iterator

import numpy as np
from sklearn.cluster import KMeans

from cortado.quantize import optimal_kmeans
from tests.bench.row import Row
from tests.clusters import inertia


def rows() -> Iterator[Row]:
    weights = np.random.default_rng(0).laplace(size=3_400_000).astype(np.float32)
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        optimal_kmeans(weights, 32)
        seconds.append(time.perf_counter() - begin)
    median = float(np.median(seconds))
    yield Row("3.4 million values, 32 clusters", f"{median:.2f} s", "< 2 s", median < 2)
    yield _beside_exact(weights[:100_000])
    yield _beside_sklearn(weights[:20_000])


def _beside_exact(values: np.ndarray) -> Row:
    exact = inertia(values, optimal_kmeans(values, 32, exact_limit=len(values)))
    excess = inertia(values, optimal_kmeans(values, 32, exact_limit=0)) / exact - 1
    what = "excess inertia of the path for many values"
    return Row(what, f"{excess:.2e}", "< 1e-3", excess < 1e-3)


def _beside_sklearn(values: np.ndarray) -> Row:
    found = inertia(values, optimal_kmeans(values, 32))
    rival = KMeans(32, n_init=10, random_state=0).fit(values[:, None].astype(np.float64))
    ratio = found / inertia(values, rival.cluster_centers_[:, 0])
    return Row("inertia relative to scikit-learn's KMeans", f"{ratio:.4f}", "≤ 1", ratio <= 1)
