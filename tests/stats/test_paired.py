"""How much worse a model is on other samples: drawn data beside the interval that foretold it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cortado.errors import CortadoError
from cortado.stats.paired import Drop, binary_drop, paired_drop
from cortado.stats.quantiles import t, z
from stats.figures import ERRORS, RATIO, RIGHT, SCORE, Figure

DRAWS = 20_000


def drawn(images, lost, gained, seed=0):
    """Return how many images are lost and gained in each of many sets."""
    rates = [lost / images, gained / images, 1 - (lost + gained) / images]
    return np.random.default_rng(seed).multinomial(images, rates, DRAWS)[:, :2]


def interval(lost, gained, images):
    found = binary_drop(lost, gained, images)
    return found.mean, found.low, found.high


def tails(seen, others, images):
    """Return how often other images lose less than the interval says, and how often more."""
    intervals = np.array([interval(int(lost), int(gained), images) for lost, gained in seen])
    drops = (others[:, 0] - others[:, 1]) / images
    slack = 1e-12
    return (drops < intervals[:, 1] - slack).mean(), (drops > intervals[:, 2] + slack).mean()


@pytest.mark.parametrize("images", [200, 6000, 50_000])
@pytest.mark.parametrize(
    ("lost", "gained"), [(0.3, 0), (1, 1), (3, 0), (8, 4), (17, 0), (17, 17), (80, 30)]
)
def test_other_images_lose_more_than_the_interval_once_in_40_times_at_most(images, lost, gained):
    seen, others = (drawn(images, lost, gained, seed) for seed in (0, 1))
    below, above = tails(seen, others, images)
    noise = 3 * math.sqrt(0.025 / DRAWS)
    assert above <= 0.025 + noise
    assert below <= 0.025 + noise


def test_it_is_no_wider_than_it_must_be_above():
    seen, others = (drawn(6000, 60, 0, seed) for seed in (0, 1))
    assert tails(seen, others, 6000)[1] >= 0.015


@pytest.mark.parametrize("regained", [0, 0.4, 0.8, 1])
def test_images_that_a_model_was_trained_on_hide_gains_and_the_interval_holds(regained):
    """Nothing can be gained on images where the dense model is right, but on new ones."""
    seen, others = drawn(6000, 17, 0, 0), drawn(6000, 17, 17 * regained, 1)
    below, above = tails(seen, others, 6000)
    assert below + above <= 0.05


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1000, 10_000))
def test_the_drop_lies_in_its_interval_and_more_images_narrow_it(lost, gained, images):
    drop, low, high = interval(lost, gained, images)
    assert drop == (lost - gained) / images
    assert low < min(drop, 0)
    assert drop < high
    wide, narrow = (
        interval(lost * times, gained * times, images * times)[2] - drop for times in (1, 2)
    )
    assert narrow < wide


def test_where_nothing_changed_the_bound_is_the_rule_of_three_and_a_bit():
    """The score bound of 0 of n is z² / n; the exact one of 97.5 % is 3.69 / n."""
    assert interval(0, 0, 1000)[2] == pytest.approx(3.84e-3, rel=1e-3)


def parts(lost, gained, both, neither):
    """Return whether each sample is right, in the dense model and in the changed one."""
    counts = {(1, 0): lost, (0, 1): gained, (1, 1): both, (0, 0): neither}
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    return (np.array(column, float)[:, None] for column in zip(*pairs, strict=True))


def test_a_binary_figure_has_the_drop_of_its_counts():
    dense, changed = parts(lost=7, gained=3, both=80, neither=10)
    assert paired_drop(RIGHT, dense, changed) == binary_drop(7, 3, 100)
    assert paired_drop(ERRORS, 1 - dense, 1 - changed) == binary_drop(7, 3, 100)
    assert binary_drop(7, 3, 100).variance == 11 / 100**2


def test_a_mean_has_the_variance_of_its_paired_differences():
    rng = np.random.default_rng(0)
    dense = rng.normal(5, 1, (40, 1))
    changed = dense - rng.normal(0.2, 0.1, (40, 1))
    found, worse = paired_drop(SCORE, dense, changed), dense - changed
    assert found.mean == pytest.approx(worse.mean())
    assert math.sqrt(found.variance) == pytest.approx(stats.sem(worse[:, 0]))
    reach = stats.t.ppf(0.975, 39) * math.sqrt(2) * stats.sem(worse[:, 0])
    assert (found.low, found.high) == pytest.approx((-reach, found.mean + reach))


def test_where_lower_is_better_a_rise_is_a_drop():
    rng = np.random.default_rng(0)
    dense, changed = rng.normal(0, 1, (2, 20, 1))
    lower = Figure("mean", higher_is_better=False)
    assert paired_drop(lower, dense, changed) == paired_drop(SCORE, -dense, -changed)


@pytest.mark.parametrize(
    ("kind", "samples", "often"), [("normal", 8, 0.025), ("gamma", 25, 0.05), ("gamma", 400, 0.035)]
)
def test_the_mean_of_other_samples_lies_beyond_as_often_as_is_said(kind, samples, often):
    rng, size = np.random.default_rng(1), (2, 4000, samples, 1)
    seen, others = rng.normal(0.2, 0.1, size) if kind == "normal" else rng.gamma(2, 0.1, size)
    nothing = np.zeros((samples, 1))
    high = np.array([paired_drop(SCORE, nothing, -each).high for each in seen])
    beyond = (others.mean(axis=(1, 2)) > high).mean()
    assert beyond == pytest.approx(often, abs=3 * math.sqrt(often / 4000))


def ratios(rng, sets, samples):
    """Return lengths and errors of drawn lines, of a dense model and of one that errs more."""
    lengths = rng.integers(5, 40, (sets, samples))
    errors = rng.binomial(lengths, 0.02)
    more = errors + rng.binomial(lengths - errors, 0.03)
    return (np.stack([each, lengths], axis=2).astype(float) for each in (errors, more))


def test_the_bootstrap_of_a_ratio_covers_the_ratio_of_other_samples():
    seen = zip(*ratios(np.random.default_rng(0), 300, 60), strict=True)
    others = zip(*ratios(np.random.default_rng(1), 300, 60), strict=True)
    high = np.array([paired_drop(RATIO, *pair).high for pair in seen])
    drops = np.array([RATIO.value(changed) - RATIO.value(dense) for dense, changed in others])
    assert (drops > high).mean() <= 0.025 + 3 * math.sqrt(0.025 / 300)
    assert (drops > high - 0.6 * (high - drops.mean())).mean() >= 0.025


def test_the_bootstrap_of_a_mean_is_near_the_formula():
    rng = np.random.default_rng(0)
    dense, changed = rng.normal(0, 1, (2, 200, 1))
    exact = paired_drop(Figure("mean", higher_is_better=False), dense, changed)
    pair = [np.hstack([each, np.ones_like(each)]) for each in (dense, changed)]
    drawn = paired_drop(RATIO, *pair)
    assert drawn.mean == pytest.approx(exact.mean)
    assert drawn.variance == pytest.approx(exact.variance, rel=0.1)
    assert drawn.high == pytest.approx(exact.high, rel=0.1)
    assert drawn == paired_drop(RATIO, *pair)


@pytest.mark.parametrize("kind", ["mean", "pooled"])
def test_one_sample_says_nothing_of_others(kind):
    found = paired_drop(Figure(kind), np.ones((1, 1)), np.zeros((1, 1)))
    assert found == Drop(1.0, -math.inf, math.inf, math.inf)


@pytest.mark.parametrize(("dense", "changed"), [(3, 4), (0, 0)])
def test_both_models_need_the_same_samples(dense, changed):
    with pytest.raises(CortadoError, match="accuracy is compared on the same samples"):
        paired_drop(RIGHT, np.ones((dense, 1)), np.ones((changed, 1)))


def test_quantiles_are_those_of_tables():
    assert z(0.95) == pytest.approx(1.95996, abs=1e-5)
    assert z(0.9) == pytest.approx(1.64485, abs=1e-5)
    assert [round(t(0.95, samples), 3) for samples in (2, 10, 31)] == [12.706, 2.262, 2.042]


@pytest.mark.parametrize("kind", ["mean", "pooled"])
def test_what_is_not_a_number_says_nothing_of_others(kind):
    found = paired_drop(Figure(kind), np.ones((5, 1)), np.full((5, 1), np.nan))
    assert math.isnan(found.mean)
    assert (found.low, found.high) == (-math.inf, math.inf)
