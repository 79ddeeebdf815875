"""The cubic schedule of Zhu and Gupta."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.prune import CubicSchedule


@pytest.mark.parametrize(
    ("progress", "sparsity"),
    [(0, 0.2), (0.5, 0.8125), (0.25, 0.9 - 0.7 * 27 / 64), (0.9, 0.8993), (1, 0.9), (7, 0.9)],
)
def test_values_of_the_formula(progress, sparsity):
    """0.9 + (0.2 − 0.9) · (1 − t)³: at t = 1/2, 0.9 − 0.7/8 = 0.8125."""
    assert CubicSchedule(0.2, 0.9)(progress) == pytest.approx(sparsity, abs=1e-12)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 2), st.floats(0, 2))
def test_it_never_falls_and_stays_between_its_ends(one, two, early, late):
    start, stop = sorted((one, two))
    first, second = (CubicSchedule(start, stop)(t) for t in sorted((early, late)))
    assert start - 1e-12 <= first <= second + 1e-12 <= stop + 2e-12
