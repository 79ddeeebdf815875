"""From what was measured at a point to its row in the table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cortado.model.layers import Layer, Skipped
from cortado.model.selector import ALL
from cortado.model.typing import FloatArray
from cortado.sensitivity.options import SweepOptions
from cortado.sensitivity.points import Point
from cortado.sensitivity.table import DENSE, PRUNE, SKIPPED, Identity, Row
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
        arrays = [layer.array for layer in self.layers]
        weights = sum(array.size for array in arrays)
        kept = sum(int(np.count_nonzero(array)) for array in arrays)
        return self._row(ALL, DENSE, 0.0, weights, weights - kept, tally=tally)

    def skipped(self, nodes: Sequence[Skipped]) -> Iterator[Row]:
        """Yield the rows of what can't be swept."""
        for node in nodes:
            reason = f"{node.op_type}: {node.reason}"
            yield self._row(node.name, SKIPPED, 0.0, 0, 0, note=reason)

    def point(self, point: Point, weights: FloatArray | str, tally: Tally | None) -> Row:
        """Return the row of a point: its weights, or why there are no figures."""
        layer = self.layers[point.place]
        note = weights if isinstance(weights, str) else ""
        array = layer.array if isinstance(weights, str) else weights
        zeros = array.size - int(np.count_nonzero(array))
        return self._row(layer.name, point.kind, point.rate, array.size, zeros, note, tally)

    def key_of(self, point: Point) -> tuple[str, str, float, str, int]:
        """Return `Row.key` of the row of a point."""
        layer = self.layers[point.place].name
        return (layer, point.kind, point.rate, *self._choosing(point.kind))

    def _choosing(self, kind: str) -> tuple[str, int]:
        """Return the method and seed that rows of a kind depend on."""
        return (self.options.method, self.options.seed) if kind == PRUNE else ("", 0)

    def _row(
        self,
        layer: str,
        kind: str,
        rate: float,
        weights: int,
        zeros: int,
        note: str = "",
        tally: Tally | None = None,
    ) -> Row:
        identity, measured = self.identity, tally or Tally()
        method, seed = self._choosing(kind)
        low, high = measured.interval if tally else (None, None)
        return Row(
            layer=layer,
            kind=kind,
            rate=rate,
            accuracy=measured.correct / measured.samples if tally else None,
            loss=measured.loss / measured.samples if tally else None,
            kl=measured.kl / measured.samples if tally else None,
            samples=measured.samples,
            ci_low=low,
            ci_high=high,
            seconds=round(measured.seconds, 3),
            seed=seed,
            lost=measured.lost if tally else None,
            gained=measured.gained if tally else None,
            dense_loss=measured.dense_loss / measured.samples if tally else None,
            weights=weights,
            zeros=zeros,
            method=method,
            against=identity.against,
            data=identity.data,
            split=identity.split,
            images=identity.images,
            output=identity.output,
            model=identity.model,
            note=note,
        )
