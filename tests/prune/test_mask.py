"""Which weights stay: masks against numpy written out, and what holds for all of them."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.model.layers.selector import Assignment
from cortado.prune import Pool, draw_masks, make_pools
from cortado.prune.importance import importance
from cortado.prune.mask import threshold

METHODS = ["magnitude", "random-below", "std", "lamp"]
HARD = ["magnitude", "std", "lamp"]

any_weights = hnp.arrays(
    np.float32,
    hnp.array_shapes(max_dims=3, max_side=6),
    elements=st.floats(-4, 4, width=32, allow_subnormal=False),
)
sparsities = st.floats(0, 0.999) | st.integers(0, 99).map(lambda percent: percent / 100)


def rng(seed=0):
    return np.random.default_rng(seed)


def mask_of(weights, sparsity, method="magnitude", seed=0):
    return draw_masks({"w": weights}, [Pool(("w",), sparsity)], method, rng(seed))["w"]


def smallest_cut(count, sparsity):
    """Return the fewest of `count` weights that are the fraction `sparsity`, as exact numbers."""
    asked = Fraction(str(sparsity))
    return math.ceil(asked * count)


@pytest.mark.parametrize("sparsity", [0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("count", [5, 10, 11, 100, 997])
def test_magnitude_cuts_the_smallest_weights_and_no_more_than_asked(sparsity, count):
    weights = rng().standard_normal(count).astype(np.float32)
    cut = smallest_cut(count, sparsity)
    expected = np.ones(count, bool)
    expected[np.argsort(np.abs(weights))[:cut]] = False
    np.testing.assert_array_equal(mask_of(weights, sparsity), expected)


def test_weights_that_tie_with_the_threshold_are_all_cut():
    weights = np.array([1, -1, 1, 2, -3], np.float32)
    np.testing.assert_array_equal(mask_of(weights, 0.2), [False, False, False, True, True])


def test_zeros_count_as_cut_already():
    weights = np.array([0, 0, 0, 0.1, 0.2, 5], np.float32)
    np.testing.assert_array_equal(mask_of(weights, 0.5), [False] * 3 + [True] * 3)
    np.testing.assert_array_equal(mask_of(weights, 0.6), [False] * 4 + [True] * 2)


@given(any_weights, sparsities, st.sampled_from(HARD))
def test_at_least_the_asked_fraction_is_zero(weights, sparsity, method):
    mask = mask_of(weights, sparsity, method)
    assert 1 - mask.sum() / mask.size >= sparsity - 1e-12
    assert (mask.size - mask.sum()) / mask.size >= sparsity


@given(any_weights, sparsities, st.sampled_from(METHODS), st.integers(0, 9))
def test_masks_only_shrink(weights, sparsity, method, seed):
    mask = mask_of(weights, sparsity, method, seed)
    assert not mask[weights == 0].any()
    once = np.where(mask, weights, 0)
    again = mask_of(once, min(sparsity + 0.1, 0.999), method, seed)
    assert not (again & ~mask).any()


@given(any_weights, sparsities, st.sampled_from(HARD))
def test_a_mask_of_masked_weights_is_the_same(weights, sparsity, method):
    mask = mask_of(weights, sparsity, method)
    if method == "std" and len(np.unique(np.abs(weights))) < 2:
        return
    np.testing.assert_array_equal(mask_of(np.where(mask, weights, 0), sparsity, method), mask)


@given(any_weights, sparsities, st.sampled_from(HARD))
def test_no_weight_that_is_cut_is_larger_than_one_that_stays(weights, sparsity, method):
    mask = mask_of(weights, sparsity, method)
    sizes = np.abs(weights)
    if mask.any() and not mask.all():
        assert sizes[mask].min() >= sizes[~mask].max()


# Pools.


def test_a_global_threshold_is_that_of_all_layers_together():
    weights = {"a": rng(1).standard_normal((4, 5)).astype(np.float32) * 3,
               "b": rng(2).standard_normal(30).astype(np.float32)}  # fmt: skip
    masks = draw_masks(weights, [Pool(("a", "b"), 0.6)], "magnitude", rng())
    everything = np.sort(np.abs(np.concatenate([w.reshape(-1) for w in weights.values()])))
    for key, mask in masks.items():
        np.testing.assert_array_equal(mask, np.abs(weights[key]) > everything[29])
    assert sum((~mask).sum() for mask in masks.values()) == 30


@pytest.mark.parametrize("method", ["std", "lamp"])
def test_methods_that_compare_layers_ignore_their_scale(method):
    weights = {"a": rng(1).standard_normal(40).astype(np.float32),
               "b": rng(2).standard_normal(60).astype(np.float32)}  # fmt: skip
    scaled = {**weights, "b": weights["b"] * np.float32(64)}
    pools = [Pool(("a", "b"), 0.7)]
    for key, mask in draw_masks(weights, pools, method, rng()).items():
        np.testing.assert_array_equal(draw_masks(scaled, pools, method, rng())[key], mask)


def test_layer_scope_gives_each_layer_its_own_threshold():
    assigned = {"a": Assignment("*", 0.5), "b": Assignment("*", 0.5), "c": Assignment("c", 0.9)}
    assert make_pools(assigned, "layer") == [
        Pool(("a",), 0.5), Pool(("b",), 0.5), Pool(("c",), 0.9),
    ]  # fmt: skip
    assert make_pools(assigned, "global") == [Pool(("a", "b"), 0.5), Pool(("c",), 0.9)]


def test_two_selectors_of_one_sparsity_are_two_pools():
    assigned = {"a": Assignment("a", 0.5), "b": Assignment("b", 0.5)}
    assert make_pools(assigned, "global") == [Pool(("a",), 0.5), Pool(("b",), 0.5)]


# The seed method.


def test_random_below_keeps_each_weight_with_its_probability():
    """|w| / t below the threshold t, here 1; the bound is five standard deviations."""
    sizes = np.array([0.1, 0.25, 0.5, 0.9, 0.999], np.float32)
    repeats = 40_000
    weights = np.concatenate([np.repeat(sizes, repeats), np.ones(repeats, np.float32)])
    mask = mask_of(weights, 0.9, "random-below")  # the 0.9 quantile is a 1
    kept = mask.reshape(6, repeats).mean(axis=1)
    for size, fraction in zip(sizes, kept, strict=False):
        assert abs(fraction - size) < 5 * math.sqrt(size * (1 - size) / repeats)
    assert kept[-1] == 1


def test_random_below_draws_by_its_generator_alone():
    weights = rng().standard_normal(1000).astype(np.float32)
    first, same, other = (mask_of(weights, 0.5, "random-below", seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_random_below_keeps_everything_that_a_sparsity_of_zero_asks_for():
    weights = rng().standard_normal(100).astype(np.float32)
    assert mask_of(weights, 0.0, "random-below").all()


@given(any_weights, sparsities)
@settings(max_examples=50)
def test_the_threshold_is_the_smallest_that_reaches_the_sparsity(weights, sparsity):
    scores = importance(weights, "magnitude")
    limit = threshold([scores], sparsity)
    if limit == -1:
        assert sparsity == 0
    else:
        assert (scores <= limit).mean() >= sparsity
        assert (scores < limit).mean() < sparsity
