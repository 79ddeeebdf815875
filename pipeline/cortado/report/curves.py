"""The curves of a sweep with their chosen points, and as charts for pages.

Rates stand on a scale of −log10(1 − r), so that 90 %, 99 % and 99.9 % are equally far apart: that
is where networks break. Bits fall from left to right, as in both the right end is the small model.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cortado.errors import CortadoError
from cortado.report.chart import Axis, Mark, Series, line_chart
from cortado.sensitivity import Curve, Row, Table

__all__ = ["TITLES", "Chart", "Marked", "charts_of", "mark_curves", "place", "ticks"]

TITLES = {"prune": "fraction of zeros", "bits": "bits of the shared values"}
"""What the points of a kind are placed by."""

_RATES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_APART = 0.1  # ticks nearer to one another, as a part of the axis, would overlap
_STEPS = 5  # on the axis of accuracies


@dataclass(frozen=True)
class Marked:
    """A curve and its chosen point."""

    layer: str
    kind: str
    rows: tuple[Row, ...]
    chosen: Row | None


@dataclass(frozen=True)
class Chart:
    """The curves of a kind."""

    title: str
    svg: Markup


def mark_curves(table: Table, choose: Callable[[Curve], Row | None]) -> tuple[Row, list[Marked]]:
    """Return the row of the dense model, and each curve with its chosen point.

    Raises
    ------
    CortadoError
        If there is nothing to draw.
    """
    dense, curves = table.dense, table.curves
    if dense is None or not curves:
        raise CortadoError("the table has no points that a picture could show")
    return dense, [Marked(curve.layer, curve.kind, curve.rows, choose(curve)) for curve in curves]


def charts_of(curves: Sequence[Marked], dense: Row) -> list[Chart]:
    """Return a chart a kind."""
    swept = {curve.kind for curve in curves}
    kinds = [kind for kind in TITLES if kind in swept]
    what = "Accuracy" if dense.against == "labels" else "Agreement"
    return [
        Chart(f"{what} by {TITLES[kind]}", _svg([c for c in curves if c.kind == kind], dense))
        for kind in kinds
    ]


def place(row: Row) -> float:
    """Return where a point stands on its axis."""
    return -row.rate if row.kind == "bits" else -math.log10(1 - row.rate)


def ticks(curves: Sequence[Marked]) -> tuple[tuple[float, str], ...]:
    """Return the ticks of the axis of curves of one kind: positions with texts."""
    rows = [row for curve in curves for row in curve.rows]
    low, high = min(map(place, rows)), max(map(place, rows))
    if curves[0].kind == "bits":
        return tuple((-bits, f"{bits:g}") for bits in sorted({row.rate for row in rows}))
    found: list[tuple[float, str]] = []
    for rate in _RATES:
        position = -math.log10(1 - rate)
        apart = not found or position - found[-1][0] >= _APART * (high - low)
        if low - 1e-9 <= position <= high + 1e-9 and apart:
            found.append((position, f"{rate:.4g}"))
    return tuple(found) or ((place(rows[0]), f"{rows[0].rate:.4g}"),)


def _svg(curves: Sequence[Marked], dense: Row) -> Markup:
    rows = [row for curve in curves for row in curve.rows]
    places = [place(row) for row in rows]
    low = math.floor(20 * min(row.ci_low or 0.0 for row in rows)) / 20
    levels = [low + (1 - low) * step / _STEPS for step in range(_STEPS + 1)]
    x = Axis(TITLES[curves[0].kind], min(places) - 0.05, max(places) + 0.05, ticks(curves))
    what = "accuracy" if dense.against == "labels" else "agreement"
    y = Axis(what, low, 1.0, tuple((level, f"{level:.2f}") for level in levels))
    return line_chart([_series(curve) for curve in curves], x, y)


def _series(curve: Marked) -> Series:
    marks = tuple(
        Mark(
            place(row),
            row.accuracy or 0.0,
            row.ci_low or 0.0,
            row.ci_high or 0.0,
            f"{row.rate:g}: {row.accuracy:.4f}",
        )
        for row in curve.rows
    )
    chosen = None if curve.chosen is None else curve.rows.index(curve.chosen)
    return Series(curve.layer, marks, chosen)
