"""The chosen point of a curve, and the points that it lacks, on curves made by hand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.scoring.limit import MetricLimit
from cortado.sensitivity import Curve, choose
from cortado.sensitivity.curves import bends
from cortado.stats.intervals import wilson_interval
from cortado.treatments import Zeros
from scored import made_row

IMAGES = 5000
falls = st.dictionaries(st.floats(0.05, 0.99), st.integers(0, IMAGES), min_size=1, max_size=12)


def row(level, lost, treatment="prune", **fields):
    """Return a point at which so many of all samples are lost."""
    right = IMAGES - lost
    low, high = wilson_interval(right, IMAGES)
    known = {"value": right / IMAGES, "dense": 1.0, "drop": lost / IMAGES, "lost": lost}
    interval = {"ci_low": low, "ci_high": high, "samples": IMAGES, "total": IMAGES}
    return made_row("fc1", treatment, level, **{**known, **interval, **fields})


def mirrored(point):
    """Return a point of the metric 1 − value, where lower is better."""
    flipped = {"value": 1 - point.value, "ci_low": 1 - point.ci_high, "ci_high": 1 - point.ci_low}
    return replace(point, better="lower", metric="errors", **flipped)


def curve(*points, treatment="prune"):
    return Curve("fc1", treatment, "magnitude", 0, tuple(row(*p, treatment) for p in points))


def test_a_point_is_set_in_the_middle_of_the_densities_where_the_curve_falls():
    rows = [row(0.5, 10), row(0.9, 12), row(0.96, 2000), row(0.99, 2010)]
    assert bends(rows, Zeros()) == [pytest.approx(1 - math.sqrt(0.1 * 0.04), abs=1e-4)]
    assert bends(rows[::-1], Zeros()) == bends(rows, Zeros())
    assert bends([mirrored(point) for point in rows], Zeros()) == bends(rows, Zeros())


def test_a_fall_within_the_intervals_or_between_close_points_sets_none():
    assert bends([row(0.5, 500), row(0.9, 520)], Zeros()) == []  # by chance
    assert bends([row(0.9, 0), row(0.905, 2000)], Zeros()) == []  # densities differ by a twentieth
    assert bends([row(0.5, 2000), row(0.9, 0)], Zeros()) == []  # it rises
    assert bends([], Zeros()) == []


@given(falls)
def test_points_lie_between_two_that_are_there_and_are_new(lost):
    rows = [row(rate, images) for rate, images in lost.items()]
    rates = sorted(lost)
    found = bends(rows, Zeros())
    assert found == sorted(set(found))
    for rate in found:
        assert rates[0] < rate < rates[-1]
        assert rate not in lost
        place = next(i for i, known in enumerate(rates) if known > rate)
        assert lost[rates[place - 1]] < lost[rates[place]]


def test_the_chosen_point_is_the_last_before_the_first_that_falls_by_more():
    noisy = curve((0.5, 0), (0.7, 20), (0.9, 30), (0.95, 20))  # 0.006 at 0.9
    assert choose(noisy, MetricLimit(0.005)).level == 0.7
    assert choose(noisy, MetricLimit(0.006)).level == 0.95
    assert choose(noisy, MetricLimit(0.0)).level == 0.5
    assert choose(curve((0.5, 1)), MetricLimit(0.0)) is None
    assert choose(curve((8, 0), (4, 0), (2, 99), treatment="bits"), MetricLimit(0.005)).level == 4


def test_a_drop_that_is_no_number_ends_the_curve():
    rows = (row(0.5, 0), row(0.7, 0, drop=math.nan), row(0.9, 0))
    assert choose(Curve("fc1", "prune", "magnitude", 0, rows), MetricLimit(0.1)).level == 0.5
