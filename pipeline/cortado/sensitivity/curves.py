"""The curve of a layer: the point that is chosen on it, and where it lacks points.

Between two neighbours whose values differ by more than a twentieth of the curve's whole change,
and by more than their intervals explain, a point is set midway, as the treatment says.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from cortado.scoring.limit import MetricLimit
from cortado.sensitivity.columns import Row
from cortado.sensitivity.table import Curve
from cortado.treatments import Treatment

__all__ = ["ROUNDS", "bends", "choose"]

ROUNDS = 3
"""How often a curve gets more points."""

_PART = 0.05


def bends(rows: Sequence[Row], treatment: Treatment) -> list[float]:
    """Return the levels that a layer's curve lacks; its rows are in any order."""
    measured = [(row, row.value) for row in rows if row.value is not None]
    known = sorted(
        (pair for pair in measured if math.isfinite(pair[1])),
        key=lambda pair: treatment.harshness(pair[0].level),
    )
    if not known:
        return []
    values = [value for _, value in known]
    least = _PART * (max(values) - min(values))
    found = []
    for (left, before), (right, after) in pairwise(known):
        fall = before - after if left.higher_is_better else after - before
        midway = treatment.midway(left.level, right.level)
        if _are_apart(left, right) and midway is not None and fall > least:
            found.append(midway)
    return found


def _are_apart(left: Row, right: Row) -> bool:
    """Return whether the right point is worse than the left by more than intervals explain."""
    better, worse = (left, right) if left.higher_is_better else (right, left)
    if better.ci_low is None or worse.ci_high is None:
        return False
    return better.ci_low > worse.ci_high


def choose(curve: Curve, limit: MetricLimit) -> Row | None:
    """Return the farthest point before the first that is worse than a limit.

    None where the first point is worse already, or without a limit.
    """
    chosen = None
    if not limit.is_stated:
        return chosen
    for row in curve.rows:
        if row.value is None or row.drop is None:
            break
        if not limit.allows(row.value, row.drop, higher_is_better=row.higher_is_better):
            break
        chosen = row
    return chosen
