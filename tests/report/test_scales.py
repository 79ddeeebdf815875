"""Axes: points are on them, ticks are round, apart, and say where they are."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.report.scales import place, rate_axis, value_axis
from cortado.sensitivity import DEFAULT_RATES
from report.tables import dense, row

ACCURACIES = st.lists(st.floats(0, 1), min_size=1, max_size=9)
RATES = st.lists(
    st.integers(1, 9999).map(lambda r: r / 10000), min_size=1, max_size=12, unique=True
)


@given(ACCURACIES, st.floats(0, 1), st.sampled_from([0.0, 0.004, 0.3, None]))
def test_accuracies_have_round_ticks_where_the_points_are(accuracies, whole, reach):
    rows = [row("a", "bits", 4, accuracy, reach) for accuracy in accuracies]
    axis = value_axis(rows, dense(whole))
    values = [*accuracies, whole, *(end for r in rows for end in (r.ci_low, r.ci_high))]
    values = [value for value in values if value is not None]
    assert all(0 < axis.part(value) < 1 for value in values)
    assert axis.high - axis.low <= 1.2 * max(max(values) - min(values), 0.002)
    assert 2 <= len(axis.ticks) <= 9
    assert all(float(tick.text) == pytest.approx(tick.position, abs=1e-12) for tick in axis.ticks)
    assert all(0 <= tick.position <= 1 and len(tick.text) <= 6 for tick in axis.ticks)
    steps = [b.position - a.position for a, b in itertools.pairwise(axis.ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps))


@given(RATES)
def test_rates_have_ticks_that_do_not_touch(rates):
    rows = [row("a", "prune", rate, 0.9) for rate in rates]
    axis = rate_axis(rows)
    assert all(0 < axis.part(place(r)) < 1 for r in rows)
    for narrow, least in ((False, 0.08), (True, 0.15)):
        parts = [axis.part(t.position) for t in axis.ticks if t.narrow or not narrow]
        assert parts
        assert all(0 < part < 1 for part in parts)
        assert all(b - a >= least for a, b in itertools.pairwise(parts))


def test_rates_that_lie_close_have_ticks_of_their_own():
    axis = rate_axis([row("a", "prune", rate, 0.9) for rate in (0.91, 0.92, 0.93)])
    assert [tick.text for tick in axis.ticks] == ["0.91", "0.92", "0.93"]


def test_the_rates_of_a_sweep_have_all_round_ticks_among_them():
    axis = rate_axis([row("a", "prune", rate, 0.9) for rate in DEFAULT_RATES])
    assert [tick.text for tick in axis.ticks] == ["0.3", "0.5", "0.7", "0.8", "0.9", "0.95", "0.98"]


def test_bits_fall_from_left_to_right():
    axis = rate_axis([row("a", "bits", bits, 0.9) for bits in (2, 3, 4, 8)])
    assert [tick.text for tick in axis.ticks] == ["8", "4", "3", "2"]
