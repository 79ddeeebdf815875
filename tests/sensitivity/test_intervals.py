"""Intervals beside scipy's, and their coverage on drawn data."""

import numpy as np
import pytest

from cortado.sensitivity.intervals import drop_interval, wilson_interval

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize(("count", "samples"), [(0, 10), (7, 10), (995, 1000), (1000, 1000)])
def test_wilson_is_that_of_scipy(count, samples):
    expected = stats.binomtest(count, samples).proportion_ci(method="wilson")
    assert wilson_interval(count, samples) == pytest.approx(tuple(expected), abs=1e-12)


def test_the_drop_lies_in_its_interval_as_often_as_it_says():
    rng = np.random.default_rng(0)
    p_lost, p_gained, samples = 0.012, 0.004, 2000
    drawn = rng.multinomial(samples, [p_lost, p_gained, 1 - p_lost - p_gained], 4000)
    inside = [
        low <= p_lost - p_gained <= high
        for low, high in (drop_interval(int(a), int(b), samples) for a, b, _ in drawn)
    ]
    assert 0.94 <= np.mean(inside) <= 0.975
