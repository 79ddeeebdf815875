"""The mean loss over many batches: each term summed and divided, then their weighted sum."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cortado.data import Batch
from cortado.model.typing import Array, FloatArray
from cortado.retrain.objective import Objective, Values, scores_of
from cortado.scoring.losses import measure

__all__ = ["Totals"]


@dataclass
class Totals:
    """Sums of the losses of an objective over the batches so far.

    Losses that have a name are added up in numpy, as Caffe and `evaluate` do; a function of the
    user's own, and distillation without targets, are means over samples.
    """

    objective: Objective
    sums: FloatArray = field(init=False)  # (losses, 2): a sum and its divisor, each

    def __post_init__(self) -> None:
        self.sums = np.zeros((max(1, len(self.objective.terms)), 2))

    def add(
        self, found: Values, targets: Mapping[str, Array] | None, batch: Batch, count: int
    ) -> None:
        """Add a batch of `count` samples, of which the module gave `found`."""
        for row, term in enumerate(self.objective.terms):
            if term.is_own:
                loss = float(self.objective.term(term, found, targets or {}))
                self.sums[row] += loss * count, count
            else:
                scores = scores_of(term, found).cpu().numpy()
                self.sums[row] += measure(term, scores, (targets or {})[term.target])
        if not self.objective.terms:
            self.sums[0] += float(self.objective(found, targets, batch)) * count, count

    @property
    def loss(self) -> float:
        """The weighted sum of the means."""
        weights = [term.weight for term in self.objective.terms] or [1.0]
        return float(np.dot(weights, self.sums[:, 0] / np.maximum(self.sums[:, 1], 1)))
