"""The interval beside that of scipy."""

import pytest

from cortado.stats.intervals import wilson_interval

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize(("count", "samples"), [(0, 10), (7, 10), (995, 1000), (1000, 1000)])
def test_wilson_is_that_of_scipy(count, samples):
    expected = stats.binomtest(count, samples).proportion_ci(method="wilson")
    assert wilson_interval(count, samples) == pytest.approx(tuple(expected), abs=1e-12)
