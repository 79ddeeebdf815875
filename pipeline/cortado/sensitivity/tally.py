"""Scores of models, sample by sample, compared with the outputs of the dense model.

Of each sample are kept: the parts of the task's metric, of its loss, and of the divergence from
the outputs of the dense model. Values, intervals and paired tests all follow from these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cortado.model.typing import Array, FloatArray, IntArray
from cortado.scoring.metrics import Metric, Outputs
from cortado.scoring.task import Task

__all__ = ["Expected", "Tally"]


@dataclass(frozen=True)
class Expected:
    """The expected outputs of a batch.

    Attributes
    ----------
    reference : mapping of str to array
        The outputs of the dense model, of shape (n, …).
    targets : mapping of str to array, or None
        Those of the data.
    """

    reference: Outputs
    targets: Outputs | None

    @property
    def bytes(self) -> int:
        """Its size in memory, in bytes."""
        return sum(a.nbytes for each in (self.reference, self.targets or {}) for a in each.values())

    def repeated(self, times: int) -> "Expected":
        """Return each sample several times in a row."""
        if times == 1:
            return self
        targets = None if self.targets is None else _repeated(self.targets, times)
        return Expected(_repeated(self.reference, times), targets)

    def of(self, metric: Metric) -> Outputs:
        """Return what a metric compares with."""
        return self.reference if metric.against == "reference" else self.targets or {}


@dataclass(frozen=True)
class Tally:
    """The scores of a model on n samples.

    Attributes
    ----------
    indices : array of shape (n,), int64
        Which samples they are.
    parts, losses, divergences : array of shape (n, k)
        The statistics of the task's metric, loss and divergence, each with a k of its own.
    seconds : float
        Spent in onnxruntime.
    """

    indices: IntArray
    parts: FloatArray
    losses: FloatArray
    divergences: FloatArray
    seconds: float

    @classmethod
    def of(
        cls, task: Task, outputs: Outputs, wanted: Expected, indices: IntArray, seconds: float
    ) -> "list[Tally]":
        """Return what several models scored on one batch of n samples.

        Parameters
        ----------
        task : Task
            How outputs are scored.
        outputs : mapping of str to array
            Of shape (n · models, …), those of all models for a sample together.
        wanted : Expected
            For the n samples.
        indices : array of shape (n,)
            Which samples they are.
        seconds : float
            Spent on all models.
        """
        models = len(next(iter(outputs.values()))) // len(indices)
        beside = wanted.repeated(models)
        metrics = (task.metric, task.loss, task.divergence)
        parts, losses, divergences = (
            metric.parts(outputs, beside.of(metric)).reshape(len(indices), models, -1)
            for metric in metrics
        )
        return [
            cls(
                indices,
                np.ascontiguousarray(parts[:, model]),
                np.ascontiguousarray(losses[:, model]),
                np.ascontiguousarray(divergences[:, model]),
                seconds / models,
            )
            for model in range(models)
        ]

    @classmethod
    def joined(cls, tallies: "Sequence[Tally]") -> "Tally":
        """Return what one model scored on the samples of one or more batches, in their order."""
        indices = np.concatenate([tally.indices for tally in tallies])
        together = cls(
            indices,
            np.concatenate([tally.parts for tally in tallies]),
            np.concatenate([tally.losses for tally in tallies]),
            np.concatenate([tally.divergences for tally in tallies]),
            sum(tally.seconds for tally in tallies),
        )
        return together.at(np.argsort(indices, kind="stable"))

    def at(self, places: IntArray) -> "Tally":
        """Return what was scored on the samples at some places of `indices`."""
        return replace(
            self,
            indices=self.indices[places],
            parts=self.parts[places],
            losses=self.losses[places],
            divergences=self.divergences[places],
        )

    def __len__(self) -> int:
        return len(self.indices)


def _repeated(arrays: Outputs, times: int) -> dict[str, Array]:
    return {name: np.repeat(array, times, axis=0) for name, array in arrays.items()}
