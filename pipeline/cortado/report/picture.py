"""The curves of a sweep as a picture: the colours, marks and axes are those of the page.

Where curves stay in the background for lack of colours, a second chart has a row a layer.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure

from cortado.errors import CortadoError
from cortado.report.marked_curves import Marked, Missing, by_treatment, mark_curves, missing_from
from cortado.report.palette import LIGHT, MARKS
from cortado.report.scales import level_axis, place, reach, value_axis
from cortado.report.style import HEAT, cut, finish, to_png
from cortado.scoring.limit import MetricLimit
from cortado.sensitivity import Row, Table, choose

__all__ = ["draw_curves"]

_WIDTH, _HEIGHT = 5.6, 4.4  # inches of a chart with its legend
_LINE = 0.17  # inches of a layer in a list
_KEY, _LETTER = 0.55, 0.075  # inches of a mark in the legend, and of a letter of its name
_LONGEST = 30  # letters of a name
_AN_INCH = 16  # characters of text below
_MOST_MISSING = 6


def draw_curves(table: Table, limit: MetricLimit) -> bytes:
    """Return a PNG picture: a chart a treatment, in it a curve a layer, its chosen point ringed.

    Parameters
    ----------
    table : Table
        With the row of the dense model.
    limit : MetricLimit
        See `choose`; without one no points are marked.

    Raises
    ------
    CortadoError
        If there is nothing to draw.
    """
    dense, curves = mark_curves(table, lambda curve: choose(curve, limit))
    if not curves:
        raise CortadoError("the table has no points that a picture could show")
    charts = by_treatment(curves)
    most = max(map(len, charts))
    listed = any(curve.colour is None for curve in curves)
    missing = _missing_lines(missing_from(table), _WIDTH * len(charts))
    heights = (_HEIGHT, (most + 8) * _LINE) if listed else (_HEIGHT,)
    size = (_WIDTH * len(charts), sum(heights) + len(missing) * _LINE)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subfigures(len(heights), len(charts), squeeze=False, height_ratios=heights)
    for column, same in enumerate(charts):
        _draw(panels[0, column], same, dense)
        if listed:
            _draw_list(panels[1, column], same, dense)
    if missing:
        figure.supxlabel("\n".join(missing), x=0.01, ha="left", fontsize=8, color=LIGHT.ink)
    return to_png(figure)


def _draw(panel: SubFigure, curves: Sequence[Marked], dense: Row) -> None:
    axes = panel.subplots()
    rows = [row for curve in curves for row in curve.rows]
    x, y = level_axis(rows), value_axis(rows, dense)
    label = f"dense {dense.value:.4f}"
    height = dense.value if dense.value is not None and math.isfinite(dense.value) else math.nan
    axes.axhline(height, color=LIGHT.ink, linewidth=1, linestyle=":", label=label)
    for curve in sorted(curves, key=lambda curve: curve.colour is not None):
        _draw_curve(axes, curve)
    axes.set_xlim(x.low, x.high)
    axes.set_ylim(y.low, y.high)
    axes.set_xticks([t.position for t in x.ticks], [t.text for t in x.ticks])
    axes.set_yticks([t.position for t in y.ticks], [t.text for t in y.ticks])
    axes.set_xlabel(x.title, fontsize=9, color=LIGHT.ink)
    finish(axes, y.title)
    axes.grid(color=LIGHT.line, linewidth=0.6)
    axes.set_axisbelow(True)
    _add_legend(panel, axes, curves)


def _draw_curve(axes: Axes, curve: Marked) -> None:
    places = [place(row) for row in curve.rows]
    heights = [row.value or 0.0 for row in curve.rows]
    if curve.colour is None:
        axes.plot(places, heights, color=LIGHT.rest, linewidth=0.7)
        return
    colour = LIGHT.lines[curve.colour]
    axes.plot(
        *(places, heights),
        color=colour,
        marker=MARKS[curve.colour].name,
        markersize=5,
        markeredgewidth=0,
        linewidth=1.5,
        label=curve.name,
    )
    known = [(place(row), reach(row)) for row in curve.rows]
    ends = [(at, *interval) for at, interval in known if interval is not None]
    if ends:
        at, low, high = zip(*ends, strict=True)
        axes.fill_between(
            at, low, high, facecolor=(colour, 0.06), edgecolor=(colour, 0.35), linewidth=0.7
        )
    if curve.chosen is not None:
        axes.scatter(
            *(place(curve.chosen), curve.chosen.value or 0.0),
            s=130,
            facecolors="none",
            edgecolors=colour,
            linewidths=1.8,
            zorder=3,
        )


def _add_legend(panel: SubFigure, axes: Axes, curves: Sequence[Marked]) -> None:
    """Add the names in the order of their colours, what stays in the background, and dense."""
    dense, *lines = axes.lines  # asked for its legend, matplotlib hides names that begin with _
    places = {curve.name: curve.colour or 0 for curve in curves if curve.colour is not None}
    handles = [line for line in lines if line.get_label() in places]
    handles.sort(key=lambda handle: places[str(handle.get_label())])
    rest = sum(curve.colour is None for curve in curves)
    if rest:
        handles += axes.plot([], color=LIGHT.rest, linewidth=0.7, label=f"{rest} that lose less")
    handles.append(dense)
    labels = [cut(str(handle.get_label()), _LONGEST) for handle in handles]
    widths = [_KEY + _LETTER * len(label) for label in labels]
    panel.legend(
        *(handles, labels),
        loc="outside lower center",
        ncols=len(labels) if sum(widths) <= _WIDTH else int(_WIDTH / max(widths)),
        fontsize=9,
        frameon=False,
        labelcolor=LIGHT.ink,
    )


def _draw_list(panel: SubFigure, curves: Sequence[Marked], dense: Row) -> None:
    """Draw each layer as a row of points, the darker the worse, in the network's order."""
    axes = panel.subplots()
    rows = [row for curve in curves for row in curve.rows]
    x, y = level_axis(rows), value_axis(rows, dense)
    known = dense.value if dense.value is not None and math.isfinite(dense.value) else None
    if dense.higher_is_better:
        norm, colours = Normalize(y.low, y.high if known is None else known), HEAT.reversed()
    else:
        norm, colours = Normalize(y.low if known is None else known, y.high), HEAT
    for index, curve in enumerate(curves):
        places = [place(row) for row in curve.rows]
        middles = [(left + right) / 2 for left, right in pairwise(places)]
        edges = [x.low, *middles, x.high]
        cells = [[row.value or 0.0 for row in curve.rows]]
        mesh = axes.pcolormesh(edges, [index - 0.5, index + 0.5], cells, cmap=colours, norm=norm)
        if curve.chosen is not None:
            at = place(curve.chosen)
            axes.plot(at, index, "o", color=LIGHT.ink, markersize=4, markeredgecolor=LIGHT.paper)
    axes.set_xlim(x.low, x.high)
    axes.set_ylim(len(curves) - 0.5, -0.5)
    axes.set_xticks([t.position for t in x.ticks], [t.text for t in x.ticks])
    axes.set_yticks(range(len(curves)), [cut(curve.name, _LONGEST) for curve in curves])
    dots = any(curve.chosen is not None for curve in curves)
    finish(axes, f"{y.title}; a dot: the point that is marked" if dots else y.title)
    axes.tick_params(axis="y", labelsize=7, length=0)
    bar = panel.colorbar(mesh, ax=axes, location="bottom", shrink=0.8, aspect=40, pad=0.02)
    bar.ax.tick_params(colors=LIGHT.ink, labelsize=9)


def _missing_lines(missing: Sequence[Missing], inches: float) -> list[str]:
    """Return the lines below the charts that tell what has no figures."""
    texts = [f"without figures: {m.layer} ({m.what}): {m.why}" for m in missing[:_MOST_MISSING]]
    if len(missing) > _MOST_MISSING:
        texts.append(f"and {len(missing) - _MOST_MISSING} more in the table")
    return [line for text in texts for line in wrap(text, int(_AN_INCH * inches))]
