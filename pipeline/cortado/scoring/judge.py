"""A changed model beside the dense one, on the same samples.

What the dense model gives is kept where it is small, and computed again, batch by batch, where it
is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.data import Samples
from cortado.model.typing import Array, FloatArray
from cortado.progress import Progress, Steps
from cortado.scoring.metrics import Metric
from cortado.scoring.task import Answer, Task

__all__ = ["Judge", "ScoredSamples"]

_KEPT_BYTES = 2**28


@dataclass(frozen=True)
class ScoredSamples:
    """What a model scored on n samples.

    Attributes
    ----------
    metric : Metric
        The metric of the task.
    parts : array of shape (n, k)
        Its statistics of each sample.
    loss_metric : Metric
        The loss of the task.
    losses : array of shape (n, k)
        Its statistics of each sample.
    """

    metric: Metric
    parts: FloatArray
    loss_metric: Metric
    losses: FloatArray

    @property
    def value(self) -> float:
        """The metric on all samples."""
        return self.metric.value(self.parts)

    @property
    def loss(self) -> float:
        """The loss on all samples."""
        return self.loss_metric.value(self.losses)

    def __len__(self) -> int:
        return len(self.parts)

    def drop_to(self, other: "ScoredSamples") -> float:
        """Return how much worse another model is on the same samples, in the metric's units."""
        change = self.value - other.value
        return change if self.metric.higher_is_better else -change


class Judge:
    """Compares changed models with the dense one.

    Parameters
    ----------
    task : Task
        Bound to the dense model.
    samples : Samples
        What models are judged on.
    """

    def __init__(self, task: Task, samples: Samples) -> None:
        self.task = task
        self.samples = samples
        self._kept: list[Answer] | None = None
        self._dense: ScoredSamples | None = None

    @property
    def dense(self) -> ScoredSamples:
        """What the dense model scores; computed once."""
        if self._dense is None:
            self._dense = self._score(self._answers(self.task.model))
        return self._dense

    def score(self, model: ir.Model) -> ScoredSamples:
        """Return what a model scores."""
        if model is self.task.model:
            return self.dense
        return self._score(self._answers(model))

    def steps(self, model: ir.Model, stage: str = "evaluate") -> Steps[ScoredSamples]:
        """Return what a model scores, and yield the metric so far after every batch."""
        parts: list[tuple[Array, FloatArray, FloatArray]] = []
        done = 0
        for each in self._parts(self._answers(model)):
            parts.append(each)
            done += len(each[0])
            so_far = self.task.metric.value(np.concatenate([p[1] for p in parts]))
            yield Progress(stage, done, len(self.samples), ((self.task.metric.name, so_far),))
        return self._together(parts)

    def _answers(self, model: ir.Model) -> Iterator[Answer]:
        return self.task.answers(self.task.open(model), self.samples)

    def _score(self, answers: Iterator[Answer]) -> ScoredSamples:
        return self._together(list(self._parts(answers)))

    def _parts(self, answers: Iterator[Answer]) -> Iterator[tuple[Array, FloatArray, FloatArray]]:
        """Yield indices, parts of the metric, and losses, of each batch."""
        metrics = (self.task.metric, self.task.loss)
        needs_reference = any(metric.against == "reference" for metric in metrics)
        references = self._references() if needs_reference else None
        for answer in answers:
            reference = next(references).outputs if references is not None else {}
            found = [
                metric.parts(
                    answer.outputs,
                    reference if metric.against == "reference" else answer.targets or {},
                )
                for metric in metrics
            ]
            yield answer.indices, found[0], found[1]

    def _references(self) -> Iterator[Answer]:
        """Yield what the dense model gives, batch by batch."""
        if self._kept is not None:
            yield from self._kept
            return
        kept, size = list[Answer](), 0
        for answer in self._answers(self.task.model):
            size += sum(array.nbytes for array in answer.outputs.values())
            if size <= _KEPT_BYTES:
                kept.append(answer)
            yield answer
        if size <= _KEPT_BYTES:
            self._kept = kept

    def _together(self, parts: list[tuple[Array, FloatArray, FloatArray]]) -> ScoredSamples:
        """Return parts and losses in the order of the samples."""
        order = np.argsort(np.concatenate([each[0] for each in parts]), kind="stable")
        together, losses = (np.concatenate([each[i] for each in parts])[order] for i in (1, 2))
        return ScoredSamples(self.task.metric, together, self.task.loss, losses)
