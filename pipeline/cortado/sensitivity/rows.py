"""From what was measured at a point to its row in the table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cortado.model.layers.prunable import Layer, Skipped
from cortado.model.layers.selector import ALL
from cortado.model.typing import FloatArray
from cortado.scoring.task import Task
from cortado.sensitivity.columns import Identity, Key, Row
from cortado.sensitivity.options import SweepOptions
from cortado.sensitivity.points import Point
from cortado.sensitivity.tally import Tally
from cortado.stats.intervals import figure_interval
from cortado.stats.paired import Drop, count_changes, paired_drop
from cortado.treatments import DENSE, SKIPPED, UNTREATED, treatment_named

__all__ = ["Rows"]

_FIGURES = (
    "value", "dense", "drop", "drop_low", "drop_high", "drop_variance", "ci_low", "ci_high",
    "lost", "gained", "loss", "dense_loss", "divergence",
)  # fmt: skip
_NOTHING: Mapping[str, Any] = dict.fromkeys(_FIGURES) | {"samples": 0, "seconds": 0.0}


@dataclass(frozen=True)
class Rows:
    """Makes the rows of one sweep.

    Attributes
    ----------
    identity : Identity
        What they share.
    options : SweepOptions
        The method, and its seed.
    layers : sequence of Layer
        Those that are swept, by the places of the points.
    task : Task
        The metric, loss and divergence that the rows give values of.
    """

    identity: Identity
    options: SweepOptions
    layers: Sequence[Layer]
    task: Task

    def dense(self, tally: Tally) -> Row:
        """Return the row of the model as it is."""
        arrays = [layer.array for layer in self.layers]
        return self._row(ALL, DENSE, 0.0, arrays, self._figures(tally, None))

    def skipped(self, nodes: Sequence[Skipped]) -> Iterator[Row]:
        """Yield the rows of what can't be swept."""
        for node in nodes:
            note = f"{node.op_type}: {node.reason}"
            yield self._row(node.name, SKIPPED, 0.0, [], _NOTHING, note)

    def point(self, point: Point, weights: FloatArray, tally: Tally, dense: Tally) -> Row:
        """Return the row of a point that was measured with these weights of its layer.

        Parameters
        ----------
        point : Point
            The point.
        weights : array
            Those that its layer had.
        tally : Tally
            What the model scored with them.
        dense : Tally
            What the dense model scored on all samples.
        """
        layer = self.layers[point.place]
        figures = self._figures(tally, dense.at(tally.indices))
        return self._row(layer.name, point.treatment, point.level, [weights], figures)

    def without(self, point: Point, reason: str) -> Row:
        """Return the row of a point that has no figures."""
        layer = self.layers[point.place]
        return self._row(layer.name, point.treatment, point.level, [layer.array], _NOTHING, reason)

    def key_of(self, point: Point) -> Key:
        """Return `Row.key` of the row of a point."""
        layer = self.layers[point.place].name
        return (layer, point.treatment, point.level, *self.selection(point.treatment))

    def selection(self, treatment: str) -> tuple[str, int]:
        """Return the method and seed that rows of a treatment, or without one, depend on."""
        if treatment in UNTREATED or not treatment_named(treatment).selects:
            return "", 0
        return self.options.method, self.options.seed

    def _figures(self, tally: Tally, dense: Tally | None) -> Mapping[str, Any]:
        """Return the columns of figures; of the dense model itself, without another."""
        task, metric = self.task, self.task.metric
        beside = tally if dense is None else dense
        drop = Drop(0.0, 0.0, 0.0, 0.0)
        if dense is not None:
            drop = paired_drop(metric, dense.parts, tally.parts)
        low, high = figure_interval(metric, tally.parts)
        lost, gained = None, None
        if metric.kind == "binary":
            lost, gained = count_changes(metric, beside.parts, tally.parts)
        return {
            "value": metric.value(tally.parts),
            "dense": metric.value(beside.parts),
            "drop": drop.mean,
            "drop_low": drop.low,
            "drop_high": drop.high,
            "drop_variance": drop.variance,
            "ci_low": low,
            "ci_high": high,
            "lost": lost,
            "gained": gained,
            "loss": task.loss.value(tally.losses),
            "dense_loss": task.loss.value(beside.losses),
            "divergence": task.divergence.value(tally.divergences),
            "samples": len(tally),
            "seconds": round(tally.seconds, 3),
        }

    def _row(
        self,
        layer: str,
        treatment: str,
        level: float,
        arrays: Sequence[FloatArray],
        figures: Mapping[str, Any],
        note: str = "",
    ) -> Row:
        """Return a row: of which weights, with which figures or why there are none."""
        method, seed = self.selection(treatment)
        return Row(
            layer=layer,
            treatment=treatment,
            level=level,
            seed=seed,
            weights=sum(array.size for array in arrays),
            zeros=sum(array.size - int(np.count_nonzero(array)) for array in arrays),
            method=method,
            note=note,
            **figures,
            **asdict(self.identity),
        )
