"""The chosen point of a curve, and the points that it lacks, on curves made by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.sensitivity import Curve, Row, choose
from cortado.sensitivity.curves import bends
from cortado.stats.intervals import wilson_interval

IMAGES = 5000
falls = st.dictionaries(st.floats(0.05, 0.99), st.integers(0, IMAGES), min_size=1, max_size=12)


def row(rate, lost, kind="prune"):
    """Return a point at which so many of all images are lost."""
    right = IMAGES - lost
    low, high = wilson_interval(right, IMAGES)
    return Row(
        "fc1", kind, rate, right / IMAGES, 0.1, 0.0, IMAGES, low, high, 0.0, 0, lost, 0, 0.1, 9, 0,
        "magnitude", "labels", "digits", "val", IMAGES, "y", "sha256:a", "",
    )  # fmt: skip


def curve(*points, kind="prune"):
    return Curve("fc1", kind, "magnitude", 0, tuple(row(*point, kind) for point in points))


def test_a_point_is_set_in_the_middle_of_the_densities_where_the_curve_falls():
    rows = [row(0.5, 10), row(0.9, 12), row(0.96, 2000), row(0.99, 2010)]
    assert bends(rows) == [pytest.approx(1 - math.sqrt(0.1 * 0.04), abs=1e-4)]
    assert bends(rows[::-1]) == bends(rows)


def test_a_fall_within_the_intervals_or_between_close_points_sets_none():
    assert bends([row(0.5, 500), row(0.9, 520)]) == []  # by chance
    assert bends([row(0.9, 0), row(0.905, 2000)]) == []  # densities differ by a twentieth
    assert bends([row(0.5, 2000), row(0.9, 0)]) == []  # it rises
    assert bends([]) == []


@given(falls)
def test_points_lie_between_two_that_are_there_and_are_new(lost):
    rows = [row(rate, images) for rate, images in lost.items()]
    rates = sorted(lost)
    found = bends(rows)
    assert found == sorted(set(found))
    for rate in found:
        assert rates[0] < rate < rates[-1]
        assert rate not in lost
        place = next(i for i, known in enumerate(rates) if known > rate)
        assert lost[rates[place - 1]] < lost[rates[place]]


def test_the_chosen_point_is_the_last_before_the_first_that_falls_by_more():
    noisy = curve((0.5, 0), (0.7, 20), (0.9, 30), (0.95, 20))  # 0.006 at 0.9
    assert choose(noisy, 0.005).rate == 0.7
    assert choose(noisy, 0.006).rate == 0.95
    assert choose(noisy, 0.0).rate == 0.5
    assert choose(curve((0.5, 1)), 0.0) is None
    assert choose(curve((8, 0), (4, 0), (2, 99), kind="bits"), 0.005).rate == 4
