"""From what was measured at a point to its row in the table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cortado.model.layers.prunable import Layer, Skipped
from cortado.model.layers.selector import ALL
from cortado.model.typing import FloatArray
from cortado.sensitivity.columns import Identity, Key, Row
from cortado.sensitivity.options import SweepOptions
from cortado.sensitivity.points import Point
from cortado.sensitivity.tally import Tally

__all__ = ["Rows"]


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
    """

    identity: Identity
    options: SweepOptions
    layers: Sequence[Layer]

    def dense(self, tally: Tally) -> Row:
        """Return the row of the model as it is."""
        return self._row(ALL, "dense", 0.0, [layer.array for layer in self.layers], tally)

    def skipped(self, nodes: Sequence[Skipped]) -> Iterator[Row]:
        """Yield the rows of what can't be swept."""
        for node in nodes:
            yield self._row(node.name, "skipped", 0.0, [], f"{node.op_type}: {node.reason}")

    def point(self, point: Point, weights: FloatArray, tally: Tally) -> Row:
        """Return the row of a point that was measured with these weights of its layer."""
        layer = self.layers[point.place]
        return self._row(layer.name, point.kind, point.rate, [weights], tally)

    def without(self, point: Point, reason: str) -> Row:
        """Return the row of a point that has no figures."""
        layer = self.layers[point.place]
        return self._row(layer.name, point.kind, point.rate, [layer.array], reason)

    def key_of(self, point: Point) -> Key:
        """Return `Row.key` of the row of a point."""
        layer = self.layers[point.place].name
        return (layer, point.kind, point.rate, *self._choosing(point.kind))

    def _choosing(self, kind: str) -> tuple[str, int]:
        """Return the method and seed that rows of a kind depend on."""
        return (self.options.method, self.options.seed) if kind == "prune" else ("", 0)

    def _row(
        self,
        layer: str,
        kind: str,
        rate: float,
        arrays: Sequence[FloatArray],
        outcome: Tally | str,
    ) -> Row:
        """Return a row: of which weights, with figures or why there are none."""
        tally = Tally() if isinstance(outcome, str) else outcome
        measured = tally.samples > 0
        low, high = tally.interval if measured else (None, None)
        identity = self.identity
        method, seed = self._choosing(kind)
        return Row(
            layer=layer,
            kind=kind,
            rate=rate,
            accuracy=tally.mean(tally.correct),
            loss=tally.mean(tally.loss),
            kl=tally.mean(tally.kl),
            samples=tally.samples,
            ci_low=low,
            ci_high=high,
            seconds=round(tally.seconds, 3),
            seed=seed,
            lost=tally.lost if measured else None,
            gained=tally.gained if measured else None,
            dense_loss=tally.mean(tally.dense_loss),
            weights=sum(array.size for array in arrays),
            zeros=sum(array.size - int(np.count_nonzero(array)) for array in arrays),
            method=method,
            against=identity.against,
            data=identity.data,
            split=identity.split,
            images=identity.images,
            output=identity.output,
            model=identity.model,
            note=outcome if isinstance(outcome, str) else "",
        )
