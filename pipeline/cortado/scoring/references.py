"""Outputs of the dense model, for metrics that compare with them; kept where they are small."""

from collections.abc import Sequence

import numpy as np

from cortado.data.samples import Samples, Subset
from cortado.model.typing import IntArray
from cortado.runtime import Session
from cortado.scoring.metrics import Outputs
from cortado.scoring.task import Task

__all__ = ["References"]

_KEPT_BYTES = 2**28


class References:
    """Answers of the model that a task is bound to, for any batches; each sample is kept once.

    Parameters
    ----------
    task : Task
        Bound to the dense model.
    samples : Samples
        What it answers.
    """

    def __init__(self, task: Task, samples: Samples) -> None:
        self._task = task
        self._samples = samples
        self._kept: dict[int, Outputs] = {}
        self._size = 0
        self._session: Session | None = None

    def of(self, indices: IntArray) -> Outputs:
        """Return the scored outputs of some samples that are alike."""
        kept = [self._kept[index] for index in indices.tolist() if index in self._kept]
        if len(kept) == len(indices) and _are_alike(kept):
            return {name: np.stack([rows[name] for rows in kept]) for name in self._task.names}
        if self._session is None:
            self._session = self._task.open(self._task.model)
        answers = list(self._task.answers(self._session, Subset(self._samples, indices)))
        found = {
            name: np.concatenate([answer.outputs[name] for answer in answers])
            for name in self._task.names
        }
        self.keep(indices, found)
        return found

    def keep(self, indices: IntArray, outputs: Outputs) -> None:
        """Keep the scored outputs of some samples, while there is room."""
        self._size += sum(array.nbytes for array in outputs.values())
        if self._size <= _KEPT_BYTES:
            for row, index in enumerate(indices.tolist()):
                self._kept[index] = {name: array[row] for name, array in outputs.items()}


def _are_alike(rows: Sequence[Outputs]) -> bool:
    shapes = {tuple(array.shape for array in each.values()) for each in rows}
    return len(shapes) == 1
