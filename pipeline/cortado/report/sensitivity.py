"""The curves of a sweep: as a picture, and on a page.

Rates stand on a scale of −log10(1 − r), so that 90 %, 99 % and 99.9 % are equally far apart: that
is where networks break. Bits fall from left to right, as in both the right end is the small model.
"""

import io
import math
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cortado.errors import CortadoError
from cortado.report.chart import Axis, Mark, Series, line_chart
from cortado.report.page import render_page
from cortado.sensitivity import Curve, Row, Table, choose

__all__ = ["draw_curves", "sensitivity_page"]

_TITLES = {"prune": "fraction of zeros", "bits": "bits of the shared values"}
_RATES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_STEPS = 5  # on the axis of accuracies


@dataclass(frozen=True)
class _Chart:
    title: str
    svg: Markup


@dataclass(frozen=True)
class _Marked:
    """A curve and its chosen point."""

    layer: str
    kind: str
    rows: tuple[Row, ...]
    chosen: Row | None


def draw_curves(table: Table, max_drop: float) -> bytes:
    """Return a PNG picture: a panel a kind, in it a curve a layer, its chosen point ringed.

    Parameters
    ----------
    table : Table
        With the row of the dense model.
    max_drop : float
        See `choose`.
    """
    dense, curves = _marked(table, max_drop)
    kinds = list(dict.fromkeys(curve.kind for curve in curves))
    figure = Figure(figsize=(7.5 * len(kinds), 4.5), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        _draw(axes, [curve for curve in curves if curve.kind == kind], dense)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def sensitivity_page(table: Table, max_drop: float, command: str) -> bytes:
    """Return an HTML page with the curves, all points, and what has no figures.

    Parameters
    ----------
    table, max_drop
        As of `draw_curves`.
    command : str
        The command line that repeats it, without the name of the program.
    """
    dense, curves = _marked(table, max_drop)
    kinds = dict.fromkeys(curve.kind for curve in curves)
    charts = [
        _Chart(f"Accuracy by {_TITLES[kind]}", _svg([c for c in curves if c.kind == kind], dense))
        for kind in kinds
    ]
    content = {
        "dense": dense,
        "max_drop": max_drop,
        "charts": charts,
        "without": table.without_figures,
        "curves": curves,
        "command": command,
    }
    return render_page("sensitivity", content)


def _marked(table: Table, max_drop: float) -> tuple[Row, list[_Marked]]:
    dense, curves = table.dense, table.curves
    if dense is None or not curves:
        raise CortadoError("the table has no points that a picture could show")
    return dense, [_mark(curve, max_drop) for curve in curves]


def _mark(curve: Curve, max_drop: float) -> _Marked:
    return _Marked(curve.layer, curve.kind, curve.rows, choose(curve, max_drop))


def _place(row: Row) -> float:
    return -row.rate if row.kind == "bits" else -math.log10(1 - row.rate)


def _ticks(curves: list[_Marked]) -> tuple[tuple[float, str], ...]:
    rows = [row for curve in curves for row in curve.rows]
    low, high = min(map(_place, rows)), max(map(_place, rows))
    if curves[0].kind == "bits":
        return tuple((-bits, f"{bits:g}") for bits in sorted({row.rate for row in rows}))
    places = [(-math.log10(1 - rate), f"{rate:.4g}") for rate in _RATES]
    return tuple(tick for tick in places if low - 1e-9 <= tick[0] <= high + 1e-9)


def _draw(axes: Axes, curves: list[_Marked], dense: Row) -> None:
    for curve in curves:
        places = [_place(row) for row in curve.rows]
        (line,) = axes.plot(
            places, [row.accuracy or 0.0 for row in curve.rows], ".-", label=curve.layer
        )
        low = [row.ci_low or 0.0 for row in curve.rows]
        high = [row.ci_high or 0.0 for row in curve.rows]
        axes.fill_between(places, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        if curve.chosen is not None:
            chosen = (_place(curve.chosen), curve.chosen.accuracy or 0.0)
            axes.plot(*chosen, "o", ms=11, mfc="none", mew=2, color=line.get_color())
    axes.axhline(dense.accuracy or 0.0, color="grey", linewidth=0.8, linestyle=":")
    positions, texts = zip(*_ticks(curves), strict=True)
    axes.set_xticks(positions, texts)
    axes.set_xlabel(_TITLES[curves[0].kind])
    axes.set_ylabel("accuracy" if dense.against == "labels" else "agreement with the dense model")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")


def _svg(curves: list[_Marked], dense: Row) -> Markup:
    rows = [row for curve in curves for row in curve.rows]
    places = [_place(row) for row in rows]
    low = math.floor(20 * min(row.ci_low or 0.0 for row in rows)) / 20
    ticks = [low + (1 - low) * step / _STEPS for step in range(_STEPS + 1)]
    x = Axis(_TITLES[curves[0].kind], min(places) - 0.05, max(places) + 0.05, _ticks(curves))
    what = "accuracy" if dense.against == "labels" else "agreement"
    y = Axis(what, low, 1.0, tuple((tick, f"{tick:.2f}") for tick in ticks))
    return line_chart([_series(curve) for curve in curves], x, y)


def _series(curve: _Marked) -> Series:
    marks = tuple(
        Mark(
            _place(row),
            row.accuracy or 0.0,
            row.ci_low or 0.0,
            row.ci_high or 0.0,
            f"{row.rate:g}: {row.accuracy:.4f}",
        )
        for row in curve.rows
    )
    chosen = None if curve.chosen is None else curve.rows.index(curve.chosen)
    return Series(curve.layer, marks, chosen)
