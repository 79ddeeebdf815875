"""Codebooks: where centroids start, and what counts as sharing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters import inertia
from cortado.model.layers.codebook import find_codebook
from cortado.quantize import make_codebook, optimal_codebooks, optimal_kmeans
from cortado.quantize.codebook import assign_nearest
from cortado.quantize.kmeans import optimal_kmeans_of_sizes

INITS = ["linear", "density", "random", "optimal"]
VALUES = np.random.default_rng(0).standard_normal(2000).astype(np.float32)


def codebook_of(values, clusters, init, seed=0):
    return make_codebook(values, clusters, init, np.random.default_rng(seed))


def lloyd_by_hand(values, centroids):
    """Iterate nearest centroid and mean until nothing moves."""
    wide = values.astype(np.float64)
    while True:
        nearest = np.abs(wide[:, None] - centroids).argmin(axis=1)
        moved = np.array([wide[nearest == k].mean() for k in range(len(centroids))])
        if np.array_equal(moved, centroids):
            return centroids
        centroids = moved


STARTS = {
    "linear": np.linspace(VALUES.min(), VALUES.max(), 12),
    "density": np.quantile(VALUES, np.arange(1, 96, 2) / 96),
    "random": np.random.default_rng(0).choice(np.unique(VALUES), 12, replace=False),
}


@pytest.mark.parametrize("init", STARTS)
def test_lloyd_starts_where_deep_compression_starts(init):
    expected = lloyd_by_hand(VALUES, np.sort(STARTS[init]).astype(np.float64))
    found = codebook_of(VALUES, len(STARTS[init]), init)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_start_decides_where_lloyd_ends():
    ends = [codebook_of(VALUES, 12, init) for init in STARTS]
    assert not np.allclose(ends[0], ends[1], rtol=1e-3)
    assert not np.allclose(ends[1], ends[2], rtol=1e-3)


@pytest.mark.parametrize("init", INITS)
def test_a_codebook_is_ascending_and_small_and_holds_no_zero(init):
    codebook = codebook_of(VALUES, 16, init)
    assert codebook.dtype == np.float32
    assert 1 < len(codebook) <= 16
    assert (np.diff(codebook) > 0).all()
    assert codebook.all()


@pytest.mark.parametrize("init", INITS)
def test_no_start_beats_the_optimum(init):
    best = inertia(VALUES, codebook_of(VALUES, 16, "optimal"))
    assert inertia(VALUES, codebook_of(VALUES, 16, init)) >= best * (1 - 1e-6)


@pytest.mark.parametrize("init", INITS)
def test_a_centroid_that_falls_on_zero_becomes_the_weight_nearest_to_it(init):
    """Of ±0.001 the mean is exactly zero, which would prune both."""
    values = np.array([-5, -5.5, -0.001, 0.001, 5, 5.5], np.float32)
    codebook = codebook_of(values, 3, init)
    assert codebook.all()
    if init == "optimal":
        np.testing.assert_array_equal(codebook, np.float32([-5.25, -0.001, 5.25]))


@pytest.mark.parametrize("init", INITS)
def test_few_distinct_values_are_the_codebook(init):
    values = np.array([2, -1, 2, 0.5], np.float32)
    np.testing.assert_array_equal(codebook_of(values, 4, init), [-1, 0.5, 2])


def test_the_seed_decides_on_random_alone():
    first, same, other = (codebook_of(VALUES, 16, "random", seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_values_go_to_the_nearest_entry():
    codebook = np.array([-1, 0.25, 0.5, 3], np.float32)
    expected = np.abs(VALUES[:, None].astype(np.float64) - codebook).argmin(axis=1)
    np.testing.assert_array_equal(assign_nearest(VALUES, codebook), expected)


def test_shared_values_are_found_without_the_zeros():
    weights = np.array([[0, 1, 2], [2, -0.0, 1]], np.float32)
    np.testing.assert_array_equal(find_codebook(weights), [1, 2])


@pytest.mark.parametrize(
    "weights",
    [np.zeros(5), np.array([0, 1, 2]), np.arange(1000), np.repeat(np.arange(1, 258), 3)],
    ids=["all zero", "all different", "many different", "257 values"],
)
def test_weights_that_share_nothing_have_no_codebook(weights):
    assert find_codebook(weights.astype(np.float32)) is None


def test_256_values_are_shared_still():
    assert len(find_codebook(np.repeat(np.arange(1, 257), 2).astype(np.float32))) == 256


@pytest.mark.parametrize("limit", [0, 100_000], ids=["groups", "exact"])
def test_codebooks_of_several_sizes_are_those_of_each_alone(limit):
    values = np.random.default_rng(0).laplace(size=12_000).astype(np.float32)
    sizes = (4, 256, 16, 32)
    for size, found in zip(sizes, optimal_kmeans_of_sizes(values, sizes, limit), strict=True):
        np.testing.assert_array_equal(found, optimal_kmeans(values, size, limit))


@given(st.lists(st.floats(-4, 4, width=32).filter(bool), min_size=1, max_size=12))
def test_optimal_codebooks_are_those_that_quantize_makes(values):
    array, sizes = np.array(values, np.float32), (2, 1, 16, 4)
    rng = np.random.default_rng(0)
    for size, found in zip(sizes, optimal_codebooks(array, sizes), strict=True):
        np.testing.assert_array_equal(found, make_codebook(array, size, "optimal", rng))
        assert len(found) <= size
        assert found.all()
