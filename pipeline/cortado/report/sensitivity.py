"""The curves of a sweep: as a picture, and on a page."""

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cortado.report.curves import TITLES, Marked, charts_of, mark_curves, place, ticks
from cortado.report.page import render_page
from cortado.sensitivity import Row, Table, choose

__all__ = ["draw_curves", "sensitivity_page"]


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
    content = {
        "dense": dense,
        "max_drop": max_drop,
        "charts": charts_of(curves, dense),
        "without": table.without_figures,
        "curves": curves,
        "command": command,
    }
    return render_page("sensitivity", content)


def _marked(table: Table, max_drop: float) -> tuple[Row, list[Marked]]:
    return mark_curves(table, lambda curve: choose(curve, max_drop))


def _draw(axes: Axes, curves: list[Marked], dense: Row) -> None:
    for curve in curves:
        places = [place(row) for row in curve.rows]
        (line,) = axes.plot(
            places, [row.accuracy or 0.0 for row in curve.rows], ".-", label=curve.layer
        )
        low = [row.ci_low or 0.0 for row in curve.rows]
        high = [row.ci_high or 0.0 for row in curve.rows]
        axes.fill_between(places, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        if curve.chosen is not None:
            chosen = (place(curve.chosen), curve.chosen.accuracy or 0.0)
            axes.plot(*chosen, "o", ms=11, mfc="none", mew=2, color=line.get_color())
    axes.axhline(dense.accuracy or 0.0, color="grey", linewidth=0.8, linestyle=":")
    positions, texts = zip(*ticks(curves), strict=True)
    axes.set_xticks(positions, texts)
    axes.set_xlabel(TITLES[curves[0].kind])
    axes.set_ylabel("accuracy" if dense.against == "labels" else "agreement with the dense model")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
