"""Evaluation: the metric of a task, its loss, and the criteria that the model remembers.

A model that remembers the losses and metrics of its training is measured by them: each is
reported, and the loss of the output that is scored takes the place of cross-entropy.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from cortado.data import Samples, feed_batches
from cortado.errors import CortadoError
from cortado.model.graph.exposed import expose
from cortado.model.onnx_io import serial
from cortado.progress import Progress, Steps
from cortado.runtime import Session
from cortado.scoring.formulas import refusal_of
from cortado.scoring.limit import worsening
from cortado.scoring.losses import Term
from cortado.scoring.losses.terms import find_terms
from cortado.scoring.metrics.classes import CrossEntropy
from cortado.scoring.references import References
from cortado.scoring.sums import Sums
from cortado.scoring.task import Task
from cortado.stats.intervals import figure_interval
from cortado.task.criteria import Criterion
from cortado.task.metadata import read_criteria
from cortado.task.outputs import criterion_of

__all__ = ["Evaluation", "Measured", "evaluate", "evaluate_session"]


@dataclass(frozen=True)
class Measured:
    """A criterion and its value: a fraction of images, or a mean loss; NaN if nothing counted."""

    criterion: Criterion
    value: float


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`.

    Attributes
    ----------
    samples : int
        Samples that count.
    metric : str
        The name of the metric.
    value : float
        What it is.
    higher_is_better : bool
        Its direction.
    correct : int or None
        Samples, or positions, that are right; None for a metric that counts nothing right.
    loss : float
        The mean of the loss that the output was trained with, else of what the targets suggest,
        cross-entropy in nats or another, see `losses.terms`; NaN without targets, or where they
        do not suffice for that loss.
    provider : str
        The execution provider.
    seconds : float
        Time spent in onnxruntime.
    metrics : tuple of Measured
        What the model's own criteria say.
    interval : (float, float)
        The 95 % interval of the value.
    further : tuple of Measured
        Those of `metrics` that are not the accuracy or the loss above once more.
    refused : tuple of Criterion
        The model's criteria that labels do not suffice for; their `refusal` says why.
    """

    samples: int
    metric: str
    value: float
    higher_is_better: bool
    correct: int | None
    loss: float
    provider: str
    seconds: float
    metrics: tuple[Measured, ...] = ()
    interval: tuple[float, float] = (math.nan, math.nan)
    further: tuple[Measured, ...] = ()
    refused: tuple[Criterion, ...] = ()

    @property
    def classified(self) -> bool:
        """Whether samples are right or wrong."""
        return self.correct is not None

    @property
    def accuracy(self) -> float:
        """The fraction that is correct; NaN where nothing is."""
        return self.value if self.classified else math.nan

    def worse_by(self, other: "Evaluation") -> float:
        """Return how much worse another value of the metric is, in its own units."""
        return worsening(self.value, other.value, higher_is_better=self.higher_is_better)

    @property
    def errors(self) -> int:
        """Samples that are not correct; 0 where none can be."""
        return 0 if self.correct is None else self.samples - self.correct


def evaluate(model: ir.Model, task: Task, samples: Samples) -> Steps[Evaluation]:
    """Score `samples` with `model`, and yield the metric so far after every batch.

    Parameters
    ----------
    model : onnx_ir.Model
        The model that the task was bound to, or one that passes made of it.
    task : Task
        The metric, the outputs, and where the model runs.
    samples : Samples
        Their number is what the result is about.
    """
    terms = _suggested(model, task)
    scored = [each.scores for each in read_criteria(model) if not each.refusal]
    scored += [term.scores.logits for term in terms]
    session = task.runtime.open(serial.encode(expose(model, scored)))
    return (yield from evaluate_session(model, session, task, samples, terms))


def evaluate_session(
    model: ir.Model,
    session: Session,
    task: Task,
    samples: Samples,
    terms: Sequence[Term] = (),
    references: References | None = None,
) -> Steps[Evaluation]:
    """Score `samples` as `evaluate` does, in a session that is already open.

    The model's criteria are measured where the session outputs their scores; `terms` are losses
    whose sum is reported, where it outputs what they take. `references` say what the dense model
    gives for the samples, where that is known already.
    """
    known = [_judged(each, session.widths) for each in read_criteria(model)]
    criteria = [x for x in known if not x.refusal and x.scores in session.widths]
    trained = criterion_of(model, task.outputs[0].output)
    sums = Sums(task, len(samples), trained, tuple(criteria), terms)
    compares = task.against == "reference"
    references = references or References(task, samples)
    seconds, done = 0.0, 0
    for fed in feed_batches(task.feed, samples, task.size):
        begin = time.perf_counter()
        outputs = session.run(fed.inputs)
        seconds += time.perf_counter() - begin
        count = len(fed.indices)
        found = {name: task.rows(name, array, count) for name, array in outputs.items()}
        if compares and model is task.model:
            references.keep(fed.indices, {name: found[name] for name in task.names})
        reference = references.of(fed.indices) if compares else {}
        sums.add(found, task.targets_of(fed.targets), reference)
        done += count
        figures = ((task.metric.name, sums.value), ("loss", sums.loss))
        yield Progress("evaluate", done, len(samples), figures)
    measured = tuple(map(Measured, sums.criteria, sums.values))
    return Evaluation(
        samples=sums.counted,
        metric=task.metric.name,
        value=sums.value,
        higher_is_better=task.metric.higher_is_better,
        correct=sums.correct,
        loss=sums.loss,
        provider=session.provider,
        seconds=seconds,
        metrics=measured,
        interval=figure_interval(task.metric, sums.together),
        further=tuple(each for each in measured if sums.says_more(each.criterion)),
        refused=tuple(each for each in known if each.refusal),
    )


def _suggested(model: ir.Model, task: Task) -> list[Term]:
    """Return the losses that targets suggest, where nothing else says what the loss is."""
    classifies = isinstance(task.loss, CrossEntropy) and task.loss.against == "targets"
    if classifies or read_criteria(model):
        return []
    try:
        return find_terms(model, task)
    except CortadoError:  # of targets that no loss fits, the metric makes what it can
        return []


def _judged(criterion: Criterion, widths: Mapping[str, int | None]) -> Criterion:
    """Return a criterion with the reason why it cannot be measured, if there is one."""
    if criterion.refusal or criterion.scores not in widths:
        return criterion
    return replace(criterion, refusal=refusal_of(criterion, widths[criterion.scores]))
