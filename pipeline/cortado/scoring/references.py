"""What the dense model gives, for metrics that compare with it; kept where it is small."""

import numpy as np

from cortado.data.samples import Samples, Subset
from cortado.model.typing import IntArray
from cortado.runtime import Session
from cortado.scoring.metrics import Outputs
from cortado.scoring.task import Task

__all__ = ["References"]

_KEPT_BYTES = 2**28


class References:
    """Answers of the model that a task is bound to, batch by batch.

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
        self._kept: dict[bytes, Outputs] = {}
        self._size = 0
        self._session: Session | None = None

    def of(self, indices: IntArray) -> Outputs:
        """Return the scored outputs of some samples that are alike."""
        kept = self._kept.get(indices.tobytes())
        if kept is not None:
            return kept
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
            self._kept[indices.tobytes()] = outputs
