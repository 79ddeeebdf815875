"""Line charts as SVG, for pages: colours come from the page, so that they suit light and dark."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["Axis", "Mark", "Series", "line_chart"]

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 16, 44


@dataclass(frozen=True)
class Axis:
    """An axis: what it shows, from where to where, and its ticks: positions with texts."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Mark:
    """A point of a line: where it is, how far its interval reaches, and what it says."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Series:
    """A line with a name; `chosen` is the index of the point that is marked."""

    name: str
    marks: tuple[Mark, ...]
    chosen: int | None = None


def line_chart(series: Sequence[Series], x: Axis, y: Axis) -> Markup:
    """Return an SVG of lines with bands for their intervals, and a legend behind it."""
    parts = [_grid(x, y)]
    for index, line in enumerate(series):
        parts.append(_line(line, index % 8, x, y))
    names = Markup("").join(
        Markup('<li class="c{}"><span></span>{}</li>').format(index % 8, line.name)
        for index, line in enumerate(series)
    )
    return Markup(
        '<figure><svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
        '<ul class="legend">{}</ul></figure>'
    ).format(_WIDTH, _HEIGHT, f"{y.title} by {x.title}", Markup("").join(parts), names)


def _grid(x: Axis, y: Axis) -> Markup:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    lines = [
        Markup(
            '<path class="grid" d="M{} {}H{}"/><text x="{}" y="{}" class="end">{}</text>'
        ).format(_LEFT, _place_y(v, y), right, _LEFT - 6, _place_y(v, y), text)
        for v, text in y.ticks
    ]
    lines += [
        Markup(
            '<path class="grid" d="M{} {}V{}"/><text x="{}" y="{}" class="mid">{}</text>'
        ).format(_place_x(v, x), _TOP, bottom, _place_x(v, x), bottom + 16, text)
        for v, text in x.ticks
    ]
    lines.append(
        Markup('<text x="{}" y="{}" class="mid">{}</text>').format(
            (_LEFT + right) / 2, _HEIGHT - 6, x.title
        )
    )
    return Markup("").join(lines)


def _line(line: Series, colour: int, x: Axis, y: Axis) -> Markup:
    points = [(_place_x(m.x, x), _place_y(m.y, y)) for m in line.marks]
    band = [(_place_x(m.x, x), _place_y(m.high, y)) for m in line.marks]
    band += [(_place_x(m.x, x), _place_y(m.low, y)) for m in reversed(line.marks)]
    dots = [
        Markup('<circle cx="{}" cy="{}" r="{}"{}><title>{}</title></circle>').format(
            *point,
            6 if index == line.chosen else 2.5,
            Markup(' class="chosen"') if index == line.chosen else "",
            f"{line.name}: {mark.text}",
        )
        for index, (point, mark) in enumerate(zip(points, line.marks, strict=True))
    ]
    return Markup('<g class="c{}"><polygon points="{}"/><polyline points="{}"/>{}</g>').format(
        colour, _list(band), _list(points), Markup("").join(dots)
    )


def _list(points: Sequence[tuple[float, float]]) -> str:
    return str(escape(" ".join(f"{x:g},{y:g}" for x, y in points)))


def _place_x(value: float, axis: Axis) -> float:
    part = (value - axis.low) / (axis.high - axis.low)
    return round(_LEFT + part * (_WIDTH - _LEFT - _RIGHT), 1)


def _place_y(value: float, axis: Axis) -> float:
    part = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return round(_HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM), 1)
