"""The page of a sweep: its curves, all points, and what has no figures."""

from cortado.report.chart import charts_of
from cortado.report.marked_curves import mark_curves, missing_from
from cortado.report.page import render_page
from cortado.scoring.limit import MetricLimit
from cortado.scoring.metrics import metric_title
from cortado.sensitivity import Table, choose

__all__ = ["sensitivity_page"]


def sensitivity_page(table: Table, limit: MetricLimit, command: str) -> bytes:
    """Return an HTML page with the curves, all points, and what has no figures.

    Parameters
    ----------
    table : Table
        With the row of the dense model.
    limit : MetricLimit
        See `choose`; without one no points are marked.
    command : str
        The command line that repeats it.
    """
    dense, curves = mark_curves(table, lambda curve: choose(curve, limit))
    content = {
        "dense": dense,
        "violation": limit.violation(higher_is_better=dense.higher_is_better),
        "charts": charts_of(curves, dense),
        "missing": missing_from(table),
        "curves": curves,
        "seeds": sorted({row.seed for row in table.rows if row.method}),
        "measure": metric_title(dense.metric),
        "many": any(curve.colour is None for curve in curves),
        "command": command,
    }
    return render_page("sensitivity", content)
