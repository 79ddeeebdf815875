"""Intervals beside published ones, and beside how often they miss."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from cortado.stats.intervals import figure_interval, mean_interval, wilson_interval
from cortado.stats.paired import paired_drop
from stats.figures import RATIO, RIGHT, SCORE, Figure


@pytest.mark.parametrize(
    ("count", "samples", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_that_of_newcombe(count, samples, low, high):
    """Newcombe 1998, Statistics in Medicine 17, 857, table I, method 3."""
    assert wilson_interval(count, samples) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(("count", "samples"), [(0, 10), (7, 10), (995, 1000), (1000, 1000)])
def test_wilson_is_the_root_of_the_score_test(count, samples):
    for end in wilson_interval(count, samples):
        if 0 < end < 1:
            score = (count / samples - end) / math.sqrt(end * (1 - end) / samples)
            assert abs(score) == pytest.approx(stats.norm.ppf(0.975))


def test_the_interval_of_a_mean_is_that_of_scipy():
    values = np.random.default_rng(0).normal(3, 2, 12)
    expected = tuple(stats.ttest_1samp(values, 0).confidence_interval(0.95))
    assert mean_interval(values.mean(), values.var(ddof=1), 12) == pytest.approx(expected)
    assert figure_interval(SCORE, values[:, None]) == pytest.approx(expected)


def test_a_binary_figure_has_the_interval_of_its_fraction():
    right = (np.arange(50) < 41).astype(float)[:, None]
    assert figure_interval(RIGHT, right) == wilson_interval(41, 50)


def test_the_interval_of_a_ratio_misses_it_once_in_20_times():
    rng, missed = np.random.default_rng(0), []
    for _ in range(400):
        letters = rng.integers(5, 40, 50)
        parts = np.stack([rng.binomial(letters, 0.1), letters], axis=1).astype(float)
        low, high = figure_interval(RATIO, parts)
        missed.append(not low <= 0.1 <= high)
    assert 0.02 <= np.mean(missed) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("kind", ["mean", "pooled"])
def test_one_sample_leaves_everything_open(kind):
    assert figure_interval(Figure(kind), np.ones((1, 1))) == (-math.inf, math.inf)


def test_samples_that_say_nothing_alone_leave_the_interval_finite():
    """A third of all draws have none of the one sample that counts, and so no value."""

    class Marked(Figure):
        def value(self, parts):
            both, either = parts.sum(axis=0)
            return float(both / either) if either else math.nan

    parts = np.zeros((12, 2))
    parts[3] = 30, 40
    with warnings.catch_warnings(action="error"):
        assert figure_interval(Marked("pooled"), parts) == (0.75, 0.75)
        drop = paired_drop(Marked("pooled"), parts, parts * [0.5, 1])
    assert (drop.mean, drop.variance) == (0.375, 0)
