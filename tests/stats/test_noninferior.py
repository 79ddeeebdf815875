"""The test for matched pairs, beside a fit by scipy and beside exact probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from cortado.stats.noninferior import Limit

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
