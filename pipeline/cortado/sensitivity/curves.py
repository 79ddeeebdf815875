"""The curve of a layer: the point that is chosen on it, and where it lacks points.

Between two neighbours whose accuracies differ by more than a twentieth of the curve's whole fall,
and by more than their intervals explain, a point is set in the middle of the densities, on a
logarithmic scale:

    r = 1 − √((1 − r_1)(1 − r_2))
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from cortado.sensitivity.columns import Row
from cortado.sensitivity.table import Curve

__all__ = ["ROUNDS", "bends", "choose"]

ROUNDS = 3
"""How often a curve gets more points."""

_PART = 0.05
_CLOSEST = 0.1  # neighbours whose densities differ by less than so much of them stay neighbours


def bends(rows: Sequence[Row]) -> list[float]:
    """Return the rates that a layer's curve lacks: that of a pruned layer, in any order."""
    known = sorted((row for row in rows if row.accuracy is not None), key=lambda row: row.rate)
    if not known:
        return []
    accuracies = [row.accuracy or 0.0 for row in known]
    least = _PART * (max(accuracies) - min(accuracies))
    found = []
    for left, right in pairwise(known):
        fall = (left.accuracy or 0.0) - (right.accuracy or 0.0)
        apart = (left.ci_low or 0.0) > (right.ci_high or 0.0)
        wide = (1 - right.rate) < (1 - _CLOSEST) * (1 - left.rate)
        if apart and wide and fall > least:
            found.append(round(1 - math.sqrt((1 - left.rate) * (1 - right.rate)), 4))
    return found


def choose(curve: Curve, max_drop: float) -> Row | None:
    """Return the farthest point before the first whose accuracy falls by more than `max_drop`.

    Far is a high rate, or few bits. None where the first point falls already.
    """
    chosen = None
    for row in curve.rows:
        if row.drop > max_drop:
            break
        chosen = row
    return chosen
