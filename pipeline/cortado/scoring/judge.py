"""A changed model beside the dense one, on the same samples.

What the dense model gives is kept where it is small, and computed again, batch by batch, where it
is not.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.data import Samples
from cortado.model.typing import FloatArray
from cortado.progress import Progress, Steps, finish
from cortado.scoring.gathered import Gathered
from cortado.scoring.limit import worsening
from cortado.scoring.metrics import Metric, Outputs
from cortado.scoring.references import References
from cortado.scoring.task import Answer, Task

__all__ = ["Judge", "ScoredSamples"]


@dataclass(frozen=True)
class ScoredSamples:
    """The scores of a model on n samples.

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
        better = self.metric.higher_is_better
        return worsening(self.value, other.value, higher_is_better=better)


class Judge:
    """Compares changed models with the dense one.

    Parameters
    ----------
    task : Task
        Bound to the dense model.
    samples : Samples
        What models are judged on.

    Attributes
    ----------
    references : References
        What the dense model gives for the samples.
    """

    def __init__(self, task: Task, samples: Samples) -> None:
        self.task = task
        self.samples = samples
        self.references = References(task, samples)
        self._dense: ScoredSamples | None = None

    @property
    def dense(self) -> ScoredSamples:
        """The scores of the dense model; computed once."""
        if self._dense is None:
            self._dense = finish(self._steps(self.task.model, "evaluate"))
        return self._dense

    def score(self, model: ir.Model) -> ScoredSamples:
        """Return what a model scores."""
        return finish(self.steps(model))

    def steps(self, model: ir.Model, stage: str = "evaluate") -> Steps[ScoredSamples]:
        """Return what a model scores, and yield the metric so far after every batch."""
        if model is not self.task.model:
            return (yield from self._steps(model, stage))
        if self._dense is None:
            self._dense = yield from self._steps(model, stage)
        return self._dense

    def _steps(self, model: ir.Model, stage: str) -> Steps[ScoredSamples]:
        task, count = self.task, len(self.samples)
        indices, parts, losses = (Gathered(count) for _ in range(3))
        for answer in task.answers(task.open(model), self.samples):
            indices.add(answer.indices)
            reference = self._reference(model, answer)
            for gathered, metric in ((parts, task.metric), (losses, task.loss)):
                by_targets = metric.against == "targets"
                wanted = answer.targets or {} if by_targets else reference
                gathered.add(metric.parts(answer.outputs, wanted))
            figures = ((task.metric.name, task.metric.value(parts.rows)),)
            yield Progress(stage, len(indices), count, figures)
        order = np.argsort(indices.rows, kind="stable")
        return ScoredSamples(task.metric, parts.rows[order], task.loss, losses.rows[order])

    def _reference(self, model: ir.Model, answer: Answer) -> Outputs:
        """Return what the dense model gives for a batch; nothing where all is against targets."""
        if {self.task.metric.against, self.task.loss.against} == {"targets"}:
            return {}
        if model is self.task.model:
            self.references.keep(answer.indices, answer.outputs)
            return answer.outputs
        return self.references.of(answer.indices)
