"""The axes of curves: where points stand, from where to where, and round ticks.

Points stand where their treatment puts their level; the right end is the smaller model. Values of
the metric are shown from the lowest to the highest that there are, and a little further.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cortado.scoring.metrics import metric_title
from cortado.sensitivity import Row
from cortado.treatments import treatment_named

__all__ = ["Scale", "Tick", "level_axis", "place", "reach", "title_of", "value_axis"]

# parts of the axis between ticks, on wide charts and on narrow ones
_APART, _FAR_APART = 0.09, 0.17
_LEAST_TICKS = 3
_STEPS = 7  # about so many between the ticks of values
_LEAST_SPAN = 0.002  # of values, where all are equal
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
    """Return the axis of the metric of points and of the dense model.

    Values from 0 to 1 have no ticks beyond, those that are not negative none below 0.
    """
    values = [row.value for row in (*rows, dense) if row.value is not None]
    values += [end for row in rows for end in reach(row) or ()]
    values = [value for value in values if math.isfinite(value)]
    low, high = min(values), max(values)
    floor, ceiling = 0.0 if low >= 0 else -math.inf, 1.0 if low >= 0 and high <= 1 else math.inf
    span = max(high - low, _LEAST_SPAN)
    low = max(floor, min(low, high - span))
    high = max(high, low + span)
    low, high = low - _MARGIN * span, high + _HEADROOM * span
    step = _round_step(span / _STEPS)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(max(low, floor) / step - 1e-9)
    last = math.floor(min(high, ceiling) / step + 1e-9)
    ticks = tuple(Tick(k * step, f"{k * step:.{digits}f}") for k in range(first, last + 1))
    return Scale(title_of(dense), low, high, ticks)


def title_of(dense: Row) -> str:
    """Return what the axis of a metric is called."""
    return (
        "agreement with the dense model"
        if dense.metric == "agreement"
        else metric_title(dense.metric)
    )


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
