"""One-dimensional k-means against every partition there is, and against scikit-learn."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from clusters import inertia
from cortado.quantize import lloyd, optimal_kmeans

few_values = st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=6)


def rng(seed=0):
    return np.random.default_rng(seed)


def least_inertia(values, clusters):
    """Try every way to put the values into clusters, neighbours or not."""
    best = np.inf
    for labels in itertools.product(range(clusters), repeat=len(values)):
        total = 0.0
        for label in set(labels):
            members = values[np.array(labels) == label]
            total += ((members - members.mean()) ** 2).sum()
        best = min(best, total)
    return best


def weights_like(count, seed=0):
    """Return weights as pruning leaves them: two humps, and a long tail."""
    values = rng(seed).standard_t(4, count) * 0.05
    return (values + np.sign(values) * 0.02).astype(np.float32)


@given(few_values, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_the_optimum_is_that_of_all_partitions(values, clusters):
    array = np.array(values, np.float32)
    centroids = optimal_kmeans(array, clusters)
    assert len(centroids) <= clusters
    assert (np.diff(centroids) >= 0).all()
    expected = least_inertia(array.astype(np.float64), clusters)
    assert inertia(array, centroids) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("count", "clusters"), [(300, 4), (3000, 16), (3000, 256), (20_000, 32)])
def test_the_optimum_is_never_worse_than_scikit_learn(count, clusters):
    values = weights_like(count)
    reference = KMeans(clusters, n_init=2, max_iter=50, random_state=0).fit(values[:, None])
    ours = inertia(values, optimal_kmeans(values, clusters))
    assert ours <= inertia(values, reference.cluster_centers_[:, 0]) * (1 + 1e-9)
    assert ours > 0


def test_inertia_is_the_sum_over_the_nearest_centroids():
    values, centroids = weights_like(500), np.array([0.3, -0.1, 0.02])
    squares = (values[:, None].astype(np.float64) - centroids) ** 2
    assert inertia(values, centroids) == pytest.approx(squares.min(axis=1).sum(), rel=1e-12)


def test_repeated_values_weigh_as_often_as_they_occur():
    values = np.array([0, 0, 0, 0, 0, 0, 1, 10], np.float32)
    np.testing.assert_allclose(optimal_kmeans(values, 2), [1 / 7, 10], rtol=1e-12)


def test_as_many_clusters_as_values_are_the_values():
    values = np.array([3, 1, 2, 3], np.float32)
    np.testing.assert_array_equal(optimal_kmeans(values, 3), [1, 2, 3])
    np.testing.assert_array_equal(optimal_kmeans(values, 9), [1, 2, 3])


def test_the_far_side_of_a_large_offset_is_solved_as_well():
    values = rng().standard_normal(50)
    near, far = optimal_kmeans(values, 5), optimal_kmeans(values + 1e5, 5)
    np.testing.assert_allclose(far - 1e5, near, atol=1e-9)


@pytest.mark.parametrize("clusters", range(2, 9))
def test_clusters_whose_inertia_vanishes_in_rounding_are_not_empty(clusters):
    """Costs of the tiny values round to 0, as if a cluster without any value were as good."""
    values = np.array([1e-9, 1e-9, 2e-9, 2e-4, 3e-4, 1000, 3e4, 3.1e4, 3.1e4, 2e4], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        centroids = optimal_kmeans(values, clusters)
    assert len(centroids) == clusters
    assert np.isfinite(centroids).all()


@pytest.mark.parametrize("clusters", [8, 64])
def test_beyond_the_exact_limit_the_loss_is_below_a_hundred_thousandth(clusters):
    values = weights_like(20_000)
    exact = inertia(values, optimal_kmeans(values, clusters))
    found = optimal_kmeans(values, clusters, exact_limit=1000)
    assert len(found) == clusters
    assert exact * (1 - 1e-9) <= inertia(values, found) < exact * (1 + 1e-5)


@pytest.mark.parametrize(("count", "clusters", "seed"), [(300, 4, 1), (2000, 16, 2), (5000, 8, 3)])
def test_lloyd_rests_where_scikit_learn_does(count, clusters, seed):
    values = weights_like(count, seed).astype(np.float64)
    start = np.sort(rng(seed).choice(values, clusters, replace=False))
    reference = KMeans(clusters, init=start[:, None], n_init=1, tol=0, max_iter=300)
    expected = np.sort(reference.fit(values[:, None]).cluster_centers_[:, 0])
    assert reference.n_iter_ < 300
    np.testing.assert_allclose(lloyd(values, start), expected, rtol=1e-6)


def test_lloyd_stays_where_each_centroid_is_the_mean_of_its_values():
    values = weights_like(3000)
    centroids = lloyd(values, np.linspace(values.min(), values.max(), 8))
    nearest = np.abs(values[:, None] - centroids).argmin(axis=1)
    means = [values[nearest == label].mean(dtype=np.float64) for label in range(len(centroids))]
    np.testing.assert_allclose(centroids, means, rtol=1e-9)


def test_lloyd_drops_centroids_that_attract_nothing():
    values = np.array([1, 2, 9, 10], np.float32)
    np.testing.assert_allclose(lloyd(values, np.array([1.5, 5, 9.5])), [1.5, 9.5])


@given(
    st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=60),
    st.lists(st.floats(-4, 4), min_size=1, max_size=6),
)
@settings(deadline=None)
def test_lloyd_never_makes_it_worse(values, start):
    array = np.array(values, np.float32)
    before = inertia(array, np.array(start))
    assert inertia(array, lloyd(array, np.array(start))) <= before + 1e-9
