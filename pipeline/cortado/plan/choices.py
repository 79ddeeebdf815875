"""The choices for each layer: levels of treatments, their loss and their size.

The loss of a choice is the sum of what each treatment lost alone, from monotone fits of the swept
curves. The drop of the metric adds up in the same way, and so does its variance, which the table
has of each point, see `cortado.stats.paired`.

Treatments follow one another in their order; of those of one order a choice has one, or none.
Bytes are those of the layer really treated, really encoded. Choices that lose more than another and
take no less are left out later, by the knapsack: bytes are not known before encoding, and no bound
on them is tight enough to leave one out earlier.

Preparing some treatments takes most of the time, as k-means does. All levels are prepared together,
and choices keep theirs for the plans that they become part of.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from cortado.errors import CortadoError
from cortado.model.layers.prunable import Layer
from cortado.model.typing import FloatArray
from cortado.progress import Progress, Steps
from cortado.sensitivity import Curve, Row, Table, tell_unreached
from cortado.stats.isotonic import isotonic_fit
from cortado.stats.quantiles import z
from cortado.treatments import Change, Selection, Treatment, encoded_bytes

__all__ = ["Choice", "chosen_weights", "measure_choices"]


@dataclass(frozen=True)
class Choice:
    """One way to make a layer smaller.

    Attributes
    ----------
    layer : str
        Its name.
    levels : mapping of str to float
        The levels of treatments by their names, in the order in which they are applied; none: the
        layer stays as it is.
    loss : float
        Rise of the task's loss.
    drop : float
        How much worse the metric gets, in its units.
    variance : float
        Of that.
    size : float
        Bytes of its weights.
    weights, zeros : int
        How many it has.
    changes : tuple of callable
        What makes the weights of the layer those of the choice, one after another.
    """

    layer: str
    levels: Mapping[str, float]
    loss: float
    drop: float
    variance: float
    size: float
    weights: int
    zeros: int
    changes: tuple[Change, ...] = field(default=(), compare=False, repr=False)

    @property
    def left(self) -> int:
        """Weights that are not zero."""
        return self.weights - self.zeros

    @property
    def bound(self) -> float:
        """The upper end of the 95 % interval of the drop."""
        return self.drop + z(0.95) * math.sqrt(self.variance)


@dataclass(frozen=True)
class _Step:
    """A point of a fitted curve."""

    level: float
    loss: float
    drop: float
    variance: float


@dataclass(frozen=True)
class _Way:
    """The treatments that are chosen so far, with the sums of what they lose."""

    weights: FloatArray
    levels: Mapping[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    loss: float = 0.0
    drop: float = 0.0
    variance: float = 0.0

    def then(self, name: str, step: _Step, change: Change) -> "_Way":
        """Return the way that goes on with one more treatment."""
        return _Way(
            change(self.weights),
            {**self.levels, name: step.level},
            (*self.changes, change),
            self.loss + step.loss,
            self.drop + step.drop,
            self.variance + step.variance,
        )


_Stage = Mapping[Treatment, Sequence[_Step]]
"""The treatments of one order, each with its points: they exclude each other."""


def measure_choices(
    layers: Sequence[Layer], table: Table, treatments: Sequence[Treatment], selection: Selection
) -> Steps[list[list[Choice]]]:
    """Return the choices of each layer.

    A layer that the table has no points of, or that no sample reaches, stays as it is.

    Parameters
    ----------
    layers : sequence of Layer
        Of the dense model.
    table : Table
        Of one method and seed, with the row of the dense model.
    treatments : sequence of Treatment
        In their order; points of others are left out.
    selection : Selection
        How weights are chosen.

    Raises
    ------
    CortadoError
        If the table has no point of any of the layers.
    """
    unreached = set(table.unreached)
    curves = {
        (curve.layer, curve.treatment): _fit(curve)
        for curve in table.curves
        if curve.layer not in unreached
    }
    if unreached:
        yield Progress("bytes", 0, 1, (), tell_unreached(table.unreached))
    if not {curve.layer for curve in table.curves} & {layer.name for layer in layers}:
        raise CortadoError("the table has no point of any layer of the model")
    stages = [
        [
            {each: curves.get((layer.name, each.name), []) for each in alike}
            for alike in (list(same) for _, same in groupby(treatments, lambda each: each.order))
        ]
        for layer in layers
    ]
    total = sum(
        layer.array.size * math.prod(1 + sum(map(len, stage.values())) for stage in own)
        for layer, own in zip(layers, stages, strict=True)
    )
    done, found = 0, []
    for layer, own in zip(layers, stages, strict=True):
        choices = []
        for choice in _choices_of(layer, own, selection):
            choices.append(choice)
            done += choice.weights
            yield Progress("bytes", done, total)
        found.append(choices)
    return found


def chosen_weights(layer: Layer, choice: Choice) -> FloatArray:
    """Return the weights that a layer has by a choice."""
    weights = layer.array
    for change in choice.changes:
        weights = change(weights)
    return layer.rounded(weights)


def _choices_of(layer: Layer, stages: Sequence[_Stage], selection: Selection) -> Iterator[Choice]:
    before, size = None, 0.0
    for way in _ways(layer, _Way(layer.array), stages, selection):
        array = layer.rounded(way.weights)
        if before is None or array.tobytes() != before.tobytes():  # few weights share nothing
            before, size = array, encoded_bytes(layer, array)
        yield Choice(
            layer.name,
            way.levels,
            way.loss,
            way.drop,
            way.variance,
            size,
            array.size,
            array.size - int(np.count_nonzero(array)),
            way.changes,
        )


def _ways(
    layer: Layer, begun: _Way, stages: Sequence[_Stage], selection: Selection
) -> Iterator[_Way]:
    """Yield all ways to go on with one treatment of each stage, or none of it."""
    if not stages:
        yield begun
        return
    yield from _ways(layer, begun, stages[1:], selection)
    for treatment, steps in stages[0].items():
        levels = [step.level for step in steps]
        changes = treatment.changes(layer, begun.weights, levels, selection) if levels else []
        for step, change in zip(steps, changes, strict=True):
            way = begun.then(treatment.name, step, change)
            yield from _ways(layer, way, stages[1:], selection)


def _fit(curve: Curve) -> list[_Step]:
    """Return the points of a curve, gentle ones first, with losses that never fall.

    A point whose loss or metric is not finite, as after an overflow, is left out.
    """
    rows = [
        row for row in curve.rows if all(map(math.isfinite, (row.rise, _drop(row), _variance(row))))
    ]
    weights = [float(row.samples) for row in rows]
    losses = isotonic_fit([row.rise for row in rows], weights)
    drops = isotonic_fit([_drop(row) for row in rows], weights)
    variances = list(map(_variance, rows))
    return [
        _Step(row.level, max(loss, 0.0), max(drop, 0.0), variance)
        for row, loss, drop, variance in zip(rows, losses, drops, variances, strict=True)
    ]


def _drop(row: Row) -> float:
    return math.nan if row.drop is None else row.drop


def _variance(row: Row) -> float:
    """Return the variance of a drop; of one that a single sample showed, the square of it."""
    known = row.drop_variance
    return _drop(row) * _drop(row) if known is None or not math.isfinite(known) else known
