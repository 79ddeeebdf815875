"""The test for matched pairs, beside a fit by scipy and beside exact probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from cortado.stats.noninferior import Limit
from stats.figures import ERRORS, RATIO, RIGHT, SCORE, Figure

COUNTS = st.integers(0, 60)
DROPS = st.floats(0.001, 0.3)


@given(COUNTS, COUNTS, st.integers(200, 4000), DROPS)
def test_it_is_the_score_test_for_matched_pairs(lost, gained, images, drop):
    """The likeliest fractions under a fall of D are found numerically here."""
    limit = Limit(drop, images)
    same = images - lost - gained
    counts = np.array([lost, gained, same])

    def unlikeliness(q):
        return -stats.multinomial.logpmf(counts, images, [q + drop, q, 1 - 2 * q - drop])

    bounds = (1e-12, (1 - drop) / 2 - 1e-12)
    q = optimize.minimize_scalar(unlikeliness, bounds=bounds, options={"xatol": 1e-12}).x
    score = (lost - gained - images * drop) / np.sqrt(images * (2 * q + drop - drop**2))
    quantile = stats.norm.ppf(0.05)
    if limit.is_testable and abs(score - quantile) > 1e-3:
        assert limit.holds(lost, gained) == (score <= quantile)


@pytest.mark.parametrize("gained", [0.0, 0.002, 0.02])
@pytest.mark.parametrize(("images", "drop"), [(300, 0.01), (600, 0.005), (600, 0.05)])
def test_a_model_that_loses_the_limit_passes_with_the_probability_of_the_test(images, drop, gained):
    """Exactly, by all outcomes; counts are whole, so that it is near 5 % and not there."""
    limit = Limit(drop, images)
    chances = [gained + drop, gained, 1 - 2 * gained - drop]
    most = 110
    lost, more = np.divmod(np.arange(most * most), most)
    outcomes = np.stack([lost, more, images - lost - more], axis=1)
    weights = stats.multinomial.pmf(outcomes, images, chances)
    assert weights.sum() == pytest.approx(1, abs=1e-4)
    held = np.array([limit.holds(*pair) for pair in outcomes[:, :2].tolist()])
    assert weights[held].sum() <= 0.065


@given(COUNTS, COUNTS, st.integers(1, 4000), st.just(0.0) | DROPS)
def test_losing_more_or_gaining_less_never_helps(lost, gained, images, drop):
    limit = Limit(drop, images)
    if not limit.holds(lost, gained):
        assert not limit.holds(lost + 1, gained)
        if limit.is_testable and gained:
            assert not limit.holds(lost, gained - 1)


@given(DROPS)
def test_fewer_images_than_it_takes_cannot_show_it_at_all(drop):
    fewest = int(np.ceil(Limit(drop, 1).fewest))
    assert Limit(drop, fewest).is_testable
    assert Limit(drop, fewest).holds(0, 0)
    assert not Limit(drop, fewest - 1).is_testable
    few = max(1, fewest - 1)
    assert (few - stats.norm.ppf(0.95) ** 2 * (1 - drop) / drop) < 1e-6


@pytest.mark.parametrize("limit", [Limit(0.005, 100), Limit(0.0, 10_000)])
def test_of_too_few_images_none_more_is_lost(limit):
    assert limit.holds(0, 0)
    assert limit.holds(3, 3)
    assert not limit.holds(4, 3)


def test_a_binary_figure_is_counted_as_lost_and_gained():
    rng = np.random.default_rng(0)
    dense, changed = rng.integers(0, 2, (2, 800, 1)).astype(float)
    changed[50:] = dense[50:]
    lost, gained = int((dense > changed).sum()), int((dense < changed).sum())
    for drop in (0.0, 0.01, 0.02, 0.03, 0.05, 0.1):
        limit = Limit(drop, 800)
        assert limit.shows_within(RIGHT, dense, changed) == limit.holds(lost, gained)
        assert limit.shows_within(ERRORS, 1 - dense, 1 - changed) == limit.holds(lost, gained)


def test_a_few_samples_stand_for_as_many_as_the_limit_is_about():
    dense, changed = np.ones((100, 1)), np.ones((100, 1))
    changed[:2] = 0
    assert Limit(0.05, 800).shows_within(RIGHT, dense, changed) == Limit(0.05, 800).holds(16, 0)
    rng = np.random.default_rng(0)
    noisy = dense - rng.normal(0.02, 0.1, (100, 1))
    assert not Limit(0.03, 100, "mean").shows_within(SCORE, dense, noisy)
    assert Limit(0.03, 10_000, "mean").shows_within(SCORE, dense, noisy)


@given(st.integers(0, 1000), st.floats(0.01, 0.3))
def test_a_mean_is_tested_by_the_paired_t_test(seed, drop):
    rng = np.random.default_rng(seed)
    dense, changed = rng.normal(0, 1, (30, 1)), rng.normal(0, 1, (30, 1))
    changed = dense - 0.3 * drop - 0.1 * changed
    worse = (dense - changed)[:, 0]
    p = stats.ttest_1samp(worse, drop, alternative="less").pvalue
    if abs(p - 0.05) > 1e-6:
        assert Limit(drop, 30, "mean").shows_within(SCORE, dense, changed) == (p <= 0.05)


@pytest.mark.parametrize("figure", [SCORE, RATIO], ids=["mean", "pooled"])
def test_a_model_that_loses_just_the_limit_seldom_passes(figure):
    rng, passed, limit = np.random.default_rng(0), [], Limit(0.03, 50, figure.kind)
    for _ in range(400):
        letters = rng.integers(5, 40, 50)
        errors = rng.binomial(letters, 0.03)
        if figure is SCORE:
            dense, changed = np.ones((50, 1)), 1 - rng.normal(0.03, 0.05, (50, 1))
        else:
            dense = np.stack([0 * letters, letters], axis=1).astype(float)
            changed = np.stack([errors, letters], axis=1).astype(float)
        passed.append(limit.shows_within(figure, dense, changed))
    assert 0.01 <= np.mean(passed) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("kind", ["mean", "pooled"])
def test_without_a_drop_or_of_one_sample_nothing_may_be_lost(kind):
    figure, ones = Figure(kind), np.ones((5, 1))
    assert Limit(0.0, 5, kind).shows_within(figure, ones, ones)
    assert not Limit(0.0, 5, kind).shows_within(figure, ones, ones - 1e-3)
    assert not Limit(0.5, 1, kind).shows_within(figure, ones[:1], ones[:1] - 1e-3)


@pytest.mark.parametrize("kind", ["mean", "pooled"])
def test_what_is_not_a_number_shows_nothing(kind):
    broken = np.full((5, 1), np.nan)
    assert not Limit(0.5, 5, kind).shows_within(Figure(kind), np.ones((5, 1)), broken)
