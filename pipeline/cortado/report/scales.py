"""The axes of curves: where points stand, from where to where, and round ticks.

Points stand where their treatment puts their level; the right end is the smaller model. Values of
the metric are shown from the lowest to the highest that there are, and a little further.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cortado.sensitivity import Row
from cortado.treatments import treatment_named

__all__ = ["Scale", "Tick", "level_axis", "measure_of", "place", "reach", "value_axis"]

# parts of the axis between ticks, on wide charts and on narrow ones
_APART, _FAR_APART = 0.09, 0.17
_LEAST_TICKS = 3
_STEPS = 7  # about so many between the ticks of values
_LEAST_SPAN = 0.002  # of fractions, where all are equal; of other values, a part of them
_MARGIN, _HEADROOM = 0.05, 0.08  # parts of the span below and beside the points, and above


@dataclass(frozen=True)
class Tick:
    """Where a tick is, what is written there, and whether there is room on narrow charts."""

    position: float
    text: str
    narrow: bool = True


@dataclass(frozen=True)
class Scale:
    """An axis: what it shows, from where to where, and its ticks."""

    title: str
    low: float
    high: float
    ticks: tuple[Tick, ...]

    def part(self, position: float) -> float:
        """Return how far along the axis a position is, 0 to 1."""
        return (position - self.low) / (self.high - self.low)


def place(row: Row) -> float:
    """Return where a point stands on its axis."""
    return treatment_named(row.treatment).harshness(row.level)


def reach(row: Row) -> tuple[float, float] | None:
    """Return the interval of a point's value; None where none is known, or it has no ends."""
    low, high = row.ci_low, row.ci_high
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    return low, high


def measure_of(dense: Row) -> str:
    """Return what the values of a table are: its metric, and what that compares with."""
    name = dense.metric.replace("-", " ")
    if dense.against == "targets":
        return name
    return (
        f"{name} with the dense model" if dense.higher_is_better else f"{name} to the dense model"
    )


def level_axis(rows: Sequence[Row]) -> Scale:
    """Return the axis of points of one treatment."""
    treatment = treatment_named(rows[0].treatment)
    low, high = min(map(place, rows)), max(map(place, rows))
    span = (high - low) or 1.0
    swept = {place(row): f"{row.level:.4g}" for row in rows}
    rounded = {treatment.harshness(level): f"{level:.4g}" for level in treatment.look.ticks}
    known = {at: text for at, text in rounded.items() if low - 1e-9 <= at <= high + 1e-9}
    known = known if len(known) >= _LEAST_TICKS else swept
    wide = _thinned(sorted(known), _APART * span)
    narrow = set(_thinned(wide, _FAR_APART * span))
    ticks = tuple(Tick(at, known[at], at in narrow) for at in wide)
    return Scale(treatment.look.axis, low - _MARGIN * span, high + _MARGIN * span, ticks)


def value_axis(rows: Sequence[Row], dense: Row) -> Scale:
    """Return the axis of the values of points, which are finite, and of the dense model."""
    values = [row.value for row in (*rows, dense) if row.value is not None]
    values += [end for row in rows for end in reach(row) or ()]
    values = [value for value in values if math.isfinite(value)]
    low, high = min(values), max(values)
    is_fraction = dense.lost is not None
    least, most = (0.0, 1.0) if is_fraction else (-math.inf, math.inf)
    span = max(high - low, _LEAST_SPAN * (1.0 if is_fraction else max(abs(low), abs(high)) or 1.0))
    low = max(least, min(low, high - span))
    high = max(high, low + span)
    low, high = low - _MARGIN * span, high + _HEADROOM * span
    step = _round_step(span / _STEPS)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(max(low, least) / step - 1e-9)
    last = math.floor(min(high, most) / step + 1e-9)
    ticks = tuple(Tick(k * step, f"{k * step:.{digits}f}") for k in range(first, last + 1))
    return Scale(measure_of(dense), low, high, ticks)


def _thinned(positions: Sequence[float], apart: float) -> list[float]:
    found: list[float] = []
    for position in positions:
        if not found or position - found[-1] >= apart:
            found.append(position)
    return found


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, … or a tenth, hundredth … of them that is enough."""
    unit: float = 10.0 ** math.floor(math.log10(least))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= least * (1 - 1e-9))
