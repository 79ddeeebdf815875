"""Curves as SVG, for pages: as wide as the page is, with texts of its size.

All positions are percentages of the chart's box and lines keep their width, so that nothing is
scaled but distances. Texts stand outside the box, in the figure's margin. Colours come from the
page, so that they suit light and dark.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cortado.report.marked_curves import Marked, by_sensitivity, by_treatment
from cortado.report.palette import MARKS
from cortado.report.scales import Scale, level_axis, place, reach, value_axis
from cortado.scoring.metrics import metric_title
from cortado.sensitivity import Row

__all__ = ["Chart", "Sketch", "charts_of"]


@dataclass(frozen=True)
class Sketch:
    """A curve with its outline, small."""

    curve: Marked
    outline: Markup


@dataclass(frozen=True)
class Chart:
    """The curves of a treatment; sketches of all, most sensitive first, if not all have colours."""

    title: str
    what: str
    figure: Markup
    sketches: tuple[Sketch, ...]


def charts_of(curves: Sequence[Marked], dense: Row) -> list[Chart]:
    """Return a chart a treatment."""
    return [_chart(same, dense) for same in by_treatment(curves)]


def _chart(curves: Sequence[Marked], dense: Row) -> Chart:
    rows = [row for curve in curves for row in curve.rows]
    x, y = level_axis(rows), value_axis(rows, dense)
    what = metric_title(dense.metric)
    title = f"{what[0].upper()}{what[1:]} by {x.title}"
    legend = _legend(curves, dense)
    front = [curve for curve in curves if curve.colour is not None]
    rest = [curve for curve in curves if curve.colour is None]
    parts = [_grid(x, y), _dense(dense, y), *(_pale(curve, x, y) for curve in rest)]
    parts += [_band(curve, x, y) for curve in front]
    parts += [_line(curve, x, y) for curve in front]
    mark = f"chart-{curves[0].treatment}"
    figure = Markup(
        '<figure><div class="plot"><svg role="img" aria-labelledby="{0}-title {0}-desc">'
        '<title id="{0}-title">{1}</title><desc id="{0}-desc">{2}</desc>{3}</svg></div>{4}</figure>'
    ).format(mark, title, _describe(front, rest), Markup("").join(parts), legend)
    ordered = by_sensitivity(curves) if rest else ()
    sketches = tuple(Sketch(curve, _outline(curve, x, y)) for curve in ordered)
    return Chart(title, what, figure, sketches)


def _describe(front: Sequence[Marked], rest: Sequence[Marked]) -> str:
    """Return the chart in words."""
    lines = []
    for curve in front:
        first, last = curve.rows[0], curve.rows[-1]
        line = f"{curve.name}: {first.value:.4f} at {first.level:g}"
        line += f" to {last.value:.4f} at {last.level:g}" if last != first else ""
        line += f", marked at {curve.chosen.level:g}" if curve.chosen is not None else ""
        lines.append(line)
    if rest:
        lines.append(f"{len(rest)} others are in the table")
    return "; ".join(lines)


def _grid(x: Scale, y: Scale) -> Markup:
    lines = [
        Markup(
            '<line class="grid" x2="100%" y1="{0}" y2="{0}"/>'
            '<text x="-8" y="{0}" class="end">{1}</text>'
        ).format(_up(tick.position, y), tick.text)
        for tick in y.ticks
    ]
    lines += [
        Markup(
            '<line class="grid" y2="100%" x1="{0}" x2="{0}"/>'
            '<text x="{0}" y="100%" dy="18" class="mid{2}">{1}</text>'
        ).format(_along(tick.position, x), tick.text, "" if tick.narrow else " wide")
        for tick in x.ticks
    ]
    lines.append(
        Markup(
            '<text x="50%" y="100%" dy="38" class="mid">{}</text><text x="-8" y="-10">{}</text>'
        ).format(x.title, y.title)
    )
    return Markup("").join(lines)


def _dense(dense: Row, y: Scale) -> Markup:
    if dense.value is None or not math.isfinite(dense.value):
        return Markup("")
    return Markup('<line class="dense" x2="100%" y1="{0}" y2="{0}"/>').format(_up(dense.value, y))


def _pale(curve: Marked, x: Scale, y: Scale) -> Markup:
    return Markup('<g class="rest">{}</g>').format(_polyline(curve, x, y, curve.name))


def _band(curve: Marked, x: Scale, y: Scale) -> Markup:
    """Return the band of a curve's intervals, over the points that have one."""
    known = [(x.part(place(row)), reach(row)) for row in curve.rows]
    ends = [(at, *interval) for at, interval in known if interval is not None]
    edge = [(at, y.part(high)) for at, _, high in ends]
    edge += [(at, y.part(low)) for at, low, _ in reversed(ends)]
    return Markup('<g class="c{}">{}</g>').format(
        curve.colour, _stretched(Markup('<polygon points="{}"/>').format(_points(edge)))
    )


def _line(curve: Marked, x: Scale, y: Scale) -> Markup:
    assert curve.colour is not None  # those without are pale
    marks = [
        Markup('<svg x="{}" y="{}" class="mark">{}<path d="{}"/><title>{}</title></svg>').format(
            _along(place(row), x),
            _up(row.value or 0.0, y),
            Markup('<circle r="9"/>') if row == curve.chosen else "",
            MARKS[curve.colour].path,
            _tell(curve, row),
        )
        for row in curve.rows
    ]
    return Markup('<g class="c{}">{}{}</g>').format(
        curve.colour, _polyline(curve, x, y, curve.name), Markup("").join(marks)
    )


def _outline(curve: Marked, x: Scale, y: Scale) -> Markup:
    """Return a curve alone, without texts; the row of its table says the rest."""
    colour = "rest" if curve.colour is None else f"c{curve.colour}"
    dot = ""
    if curve.chosen is not None:
        at = _along(place(curve.chosen), x), _up(curve.chosen.value or 0.0, y)
        dot = Markup('<circle cx="{}" cy="{}" r="3"/>').format(*at)
    return Markup('<svg class="sketch {}" aria-hidden="true">{}{}</svg>').format(
        colour, _polyline(curve, x, y), dot
    )


def _legend(curves: Sequence[Marked], dense: Row) -> Markup:
    front = {curve.colour: curve.name for curve in curves if curve.colour is not None}
    keys = [_key(f"c{colour}", MARKS[colour].path, front[colour]) for colour in sorted(front)]
    rest = len(curves) - len(front)
    if rest:
        keys.append(_key("rest", "", f"{rest} that lose less"))
    keys.append(_key("dense", "", f"dense {dense.value:.4f}"))
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(keys))


def _key(style: str, path: str, name: str) -> Markup:
    return Markup(
        '<li><svg class="key {}" viewBox="-14 -8 28 16" aria-hidden="true">'
        '<line x1="-14" x2="14"/><path d="{}"/></svg>{}</li>'
    ).format(style, path, name)


def _tell(curve: Marked, row: Row) -> str:
    interval = reach(row)
    text = f"{curve.name} at {row.level:g}: {row.value:.4f}"
    return text if interval is None else f"{text} ({interval[0]:.4f} … {interval[1]:.4f})"


def _polyline(curve: Marked, x: Scale, y: Scale, title: str = "") -> Markup:
    points = [(x.part(place(row)), y.part(row.value or 0.0)) for row in curve.rows]
    name = Markup("<title>{}</title>").format(title) if title else ""
    return _stretched(Markup('<polyline points="{}">{}</polyline>').format(_points(points), name))


def _stretched(shape: Markup) -> Markup:
    """Return a shape of 100 by 100 units, stretched over the box."""
    return Markup('<svg viewBox="0 0 100 100" preserveAspectRatio="none">{}</svg>').format(shape)


def _points(parts: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{100 * along:.2f},{100 * (1 - up):.2f}" for along, up in parts)


def _along(position: float, axis: Scale) -> str:
    return f"{100 * axis.part(position):.2f}%"


def _up(position: float, axis: Scale) -> str:
    return f"{100 * (1 - axis.part(position)):.2f}%"
