"""The curves of a sweep as they are shown: chosen points, colours, and what has no figures.

Where there are more curves than colours, the most sensitive of each treatment have them, and the
rest stay in the background. A layer that stands out under several treatments has the same colour
there; one that does under one alone has any that is left. The most sensitive is the one of the
worst value on the average of its points, weighted by how far apart they are.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cortado.errors import CortadoError
from cortado.report.palette import MARKS
from cortado.report.scales import place
from cortado.sensitivity import Curve, Row, Table
from cortado.treatments import UNTREATED, Look, all_treatments, treatment_named

__all__ = ["Marked", "Missing", "by_sensitivity", "by_treatment", "mark_curves", "missing_from"]

_MOST_LEVELS = 3  # that are listed one by one


@dataclass(frozen=True)
class Marked:
    """A curve as it is shown.

    Attributes
    ----------
    name, treatment : str
        The layer, with what else tells the curve from others of the same; what is done to it.
    rows : tuple of Row
        Its points of a finite value, gentle ones first.
    chosen : Row or None
        The point that is marked.
    colour : int or None
        The place of its colour and mark in the palette; None in the background.
    """

    name: str
    treatment: str
    rows: tuple[Row, ...]
    chosen: Row | None
    colour: int | None = None

    @property
    def look(self) -> Look:
        """How the treatment is shown."""
        return treatment_named(self.treatment).look


@dataclass(frozen=True)
class Missing:
    """A point without figures: the layer, the treatment, and the reason."""

    layer: str
    what: str
    why: str


def mark_curves(table: Table, choose: Callable[[Curve], Row | None]) -> tuple[Row, list[Marked]]:
    """Return the row of the dense model, and each curve with its chosen point and its colour.

    Raises
    ------
    CortadoError
        If the table has not the dense model.
    """
    dense, curves = table.dense, table.curves
    if dense is None:
        raise CortadoError("the table has no row of the dense model")
    marked = [_marked(name, curve, choose(curve)) for name, curve in _named(curves)]
    marked = [curve for curve in marked if curve.rows]
    order = list(dict.fromkeys(curve.name for curve in marked))
    if len(order) <= len(MARKS):
        return dense, [replace(curve, colour=order.index(curve.name)) for curve in marked]
    coloured: list[Marked] = []
    colours: dict[str, int] = {}
    for same in by_treatment(marked):
        colours = _colours(same, colours)
        coloured += [replace(curve, colour=colours.get(curve.name)) for curve in same]
    return dense, coloured


def by_treatment(curves: Sequence[Marked]) -> list[list[Marked]]:
    """Return the curves of each treatment that there is."""
    names = [treatment.name for treatment in all_treatments()]
    lists = [[curve for curve in curves if curve.treatment == name] for name in names]
    return [same for same in lists if same]


def by_sensitivity(curves: Sequence[Marked]) -> list[Marked]:
    """Return curves of one treatment, the most sensitive first."""
    return sorted(curves, key=_quality)


def missing_from(table: Table) -> list[Missing]:
    """Return what has no figures, all points of a layer that lack them for one reason together."""
    points: dict[tuple[str, str, str], list[Row]] = {}
    for row in table.rows:
        if row.value is None:
            points.setdefault((row.layer, row.treatment, row.note), []).append(row)
        elif not math.isfinite(row.value) and row.treatment not in UNTREATED:
            note = f"{row.metric} is {row.value}"
            points.setdefault((row.layer, row.treatment, note), []).append(row)
    return [Missing(layer, _what(name, rows), note) for (layer, name, note), rows in points.items()]


def _what(treatment: str, rows: Sequence[Row]) -> str:
    if treatment in UNTREATED:
        return "all points"
    levels = [f"{row.level:g}" for row in rows]
    text = f"{levels[0]} … {levels[-1]}" if len(levels) > _MOST_LEVELS else ", ".join(levels)
    return treatment_named(treatment).look.phrase.format(text)


def _marked(name: str, curve: Curve, chosen: Row | None) -> Marked:
    rows = tuple(row for row in curve.rows if row.value is not None and math.isfinite(row.value))
    return Marked(name, curve.treatment, rows, chosen if chosen in rows else None)


def _named(curves: Sequence[Curve]) -> Iterator[tuple[str, Curve]]:
    """Yield curves with their layers; with method and seed where curves of a layer differ so."""
    selecting = [curve for curve in curves if treatment_named(curve.treatment).selects]
    methods = {curve.method for curve in selecting}
    seeds = {curve.seed for curve in selecting}
    for curve in curves:
        words = [curve.layer]
        if curve in selecting and len(methods) > 1:
            words.append(curve.method)
        if curve in selecting and len(seeds) > 1:
            words.append(f"seed {curve.seed}")
        yield ", ".join(words), curve


def _colours(curves: Sequence[Marked], known: Mapping[str, int]) -> dict[str, int]:
    """Return the colours of the most sensitive curves of a treatment, those `known` kept."""
    first = [curve.name for curve in by_sensitivity(curves)[: len(MARKS)]]
    kept = {name: known[name] for name in first if name in known}
    free = (colour for colour in range(len(MARKS)) if colour not in kept.values())
    return {name: kept[name] if name in kept else next(free) for name in first}


def _quality(curve: Marked) -> float:
    """Return the mean of a curve; the lower, the worse."""
    mean = _mean(curve)
    return mean if curve.rows[0].higher_is_better else -mean


def _mean(curve: Marked) -> float:
    """Return the area under a curve, divided by its width."""
    heights = [row.value or 0.0 for row in curve.rows]
    places = [place(row) for row in curve.rows]
    if places[0] == places[-1]:
        return heights[0]
    steps = zip(pairwise(places), pairwise(heights), strict=True)
    area = sum((right - left) * (a + b) / 2 for (left, right), (a, b) in steps)
    return area / (places[-1] - places[0])
