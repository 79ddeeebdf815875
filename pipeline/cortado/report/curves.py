"""The curves of a sweep as they are shown: chosen points, colours, and what has no figures.

Where there are more curves than colours, the most sensitive of each kind have them, and the rest
stay in the background. A layer that stands out in both kinds has the same colour there; one that
does in one alone has any that is left. The most sensitive is the one of the lowest accuracy on the
average of its points, weighted by how far apart they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cortado.errors import CortadoError
from cortado.report.palette import MARKS
from cortado.report.scales import TITLES, place
from cortado.sensitivity import Curve, Row, Table

__all__ = ["Marked", "Missing", "by_kind", "by_sensitivity", "mark_curves", "missing_from"]

_MOST_RATES = 3  # that are listed one by one


@dataclass(frozen=True)
class Marked:
    """A curve as it is shown.

    Attributes
    ----------
    name, treatment : str
        The layer, with what else tells the curve from others of the same; ``prune`` or ``bits``.
    rows : tuple of Row
        Its points, gentle ones first.
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


@dataclass(frozen=True)
class Missing:
    """What has no figures: the layer, what was to be done to it, and why there are none."""

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
    names = _names(curves)
    marked = [
        Marked(name, curve.treatment, curve.rows, choose(curve))
        for name, curve in zip(names, curves, strict=True)
    ]
    order = list(dict.fromkeys(names))
    if len(order) <= len(MARKS):
        return dense, [replace(curve, colour=order.index(curve.name)) for curve in marked]
    coloured: list[Marked] = []
    colours: dict[str, int] = {}
    for same in by_kind(marked):
        colours = _colours(same, colours)
        coloured += [replace(curve, colour=colours.get(curve.name)) for curve in same]
    return dense, coloured


def by_kind(curves: Sequence[Marked]) -> list[list[Marked]]:
    """Return the curves of each kind that there is."""
    lists = [[curve for curve in curves if curve.treatment == kind] for kind in TITLES]
    return [same for same in lists if same]


def by_sensitivity(curves: Sequence[Marked]) -> list[Marked]:
    """Return curves of one kind, the most sensitive first."""
    return sorted(curves, key=_mean)


def missing_from(table: Table) -> list[Missing]:
    """Return what has no figures, all points of a layer that lack them for one reason together."""
    points: dict[tuple[str, str, str], list[Row]] = {}
    for row in table.without_figures:
        points.setdefault((row.layer, row.treatment, row.note), []).append(row)
    return [Missing(layer, _what(kind, rows), note) for (layer, kind, note), rows in points.items()]


def _what(kind: str, rows: Sequence[Row]) -> str:
    rates = [f"{row.level:g}" for row in rows]
    text = f"{rates[0]} … {rates[-1]}" if len(rates) > _MOST_RATES else ", ".join(rates)
    return {"prune": f"pruned to {text}", "bits": f"{text} bits"}.get(kind, "all points")


def _names(curves: Sequence[Curve]) -> list[str]:
    """Return the layers, with method and seed where curves of a layer differ in them."""
    methods = {curve.method for curve in curves if curve.treatment == "prune"}
    seeds = {curve.seed for curve in curves if curve.treatment == "prune"}
    names = []
    for curve in curves:
        words = [curve.layer]
        if curve.treatment == "prune" and len(methods) > 1:
            words.append(curve.method)
        if curve.treatment == "prune" and len(seeds) > 1:
            words.append(f"seed {curve.seed}")
        names.append(", ".join(words))
    return names


def _colours(curves: Sequence[Marked], known: Mapping[str, int]) -> dict[str, int]:
    """Return the colours of the most sensitive curves of a kind, those that are `known` kept."""
    first = [curve.name for curve in by_sensitivity(curves)[: len(MARKS)]]
    kept = {name: known[name] for name in first if name in known}
    free = (colour for colour in range(len(MARKS)) if colour not in kept.values())
    return {name: kept[name] if name in kept else next(free) for name in first}


def _mean(curve: Marked) -> float:
    """Return the area under a curve, divided by its width."""
    heights = [row.value or 0.0 for row in curve.rows]
    places = [place(row) for row in curve.rows]
    if places[0] == places[-1]:
        return heights[0]
    steps = zip(pairwise(places), pairwise(heights), strict=True)
    area = sum((right - left) * (a + b) / 2 for (left, right), (a, b) in steps)
    return area / (places[-1] - places[0])
