"""Accuracy and loss of a model, measured in onnxruntime.

An image counts as correct when its label scores strictly higher than every other class, as in
Caffe's Accuracy layer, where a tie with the label is an error. The loss is the mean
cross-entropy in nats; an output that is already a softmax is not normalized again.

A model that remembers the losses and metrics of its training is measured by them: each is
reported, and the loss of the output that is scored takes the place of cross-entropy.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import onnx_ir as ir

from cortado.data import Feed, Samples, feed_batches
from cortado.model.graph.exposed import expose
from cortado.model.onnx_io import serial
from cortado.model.typing import FloatArray, IntArray
from cortado.progress import Progress, Steps
from cortado.runtime import Runtime, Session
from cortado.scoring.formulas import as_scores, count_correct, cross_entropy, refusal_of, score
from cortado.task.criteria import Criterion
from cortado.task.metadata import read_criteria
from cortado.task.outputs import Scores, activation_of, criterion_of, main_output

__all__ = [
    "Evaluation",
    "Metric",
    "evaluate",
    "evaluate_session",
]

_BATCH = 250


@dataclass(frozen=True)
class Metric:
    """A criterion and its value: a fraction of images, or a mean loss; NaN if nothing counted."""

    criterion: Criterion
    value: float


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` measured.

    Attributes
    ----------
    samples, correct : int
        Images scored, and those whose label scored highest.
    loss : float
        The mean of the loss that the output was trained with, else of cross-entropy, in nats;
        NaN where that loss needs more than labels and the output is none of a classifier.
    provider : str
        The execution provider.
    seconds : float
        Time spent in onnxruntime.
    metrics : tuple of Metric
        What the model's own criteria say.
    further : tuple of Metric
        Those of `metrics` that are not the accuracy or the loss above once more.
    refused : tuple of Criterion
        The model's criteria that labels do not suffice for; their `refusal` says why.
    classified : bool
        Whether the output that is scored has one score a class; otherwise nothing is correct.
    """

    samples: int
    correct: int
    loss: float
    provider: str
    seconds: float
    metrics: tuple[Metric, ...] = ()
    further: tuple[Metric, ...] = ()
    refused: tuple[Criterion, ...] = ()
    classified: bool = True

    @property
    def accuracy(self) -> float:
        """Fraction of images that are correct; NaN where there are no classes."""
        return self.correct / self.samples if self.classified else math.nan

    @property
    def errors(self) -> int:
        """Images that are not correct."""
        return self.samples - self.correct


def evaluate(
    model: ir.Model,
    samples: Samples,
    classes: int,
    head: str | None = None,
    runtime: Runtime = Runtime(),
) -> Steps[Evaluation]:
    """Score `samples` with `model`, and yield the accuracy so far after every batch.

    Parameters
    ----------
    model : onnx_ir.Model
        A model with one image input.
    samples : Samples
        Labelled images; their number is what the result is about.
    classes : int
        The number of classes in the data set, to choose the output by.
    head : str or None
        The output to score, see `choose_output`.
    runtime : Runtime
        Where it runs.
    """
    scored = [each.scores for each in read_criteria(model) if not each.refusal]
    session = runtime.open(serial.encode(expose(model, scored)))
    return (yield from evaluate_session(model, session, samples, classes, head))


def evaluate_session(
    model: ir.Model, session: Session, samples: Samples, classes: int, head: str | None
) -> Steps[Evaluation]:
    """Score `samples` as `evaluate` does, in a session that is already open.

    Of the model's criteria those are measured whose scores the session outputs.
    """
    known = [_judged(each, session.widths) for each in read_criteria(model)]
    output = activation_of(model, main_output(model, session.widths, classes, head))
    criteria = [x for x in known if not x.refusal and x.scores in session.widths]
    sums = _Sums(output, criterion_of(model, output.output), tuple(criteria))
    feed = Feed.of(model)
    seconds, done = 0.0, 0
    for inputs, labels, _ in feed_batches(feed, samples, _BATCH):
        begin = time.perf_counter()
        outputs = session.run({feed.name: inputs})
        seconds += time.perf_counter() - begin
        sums.add({name: scores[: len(labels)] for name, scores in outputs.items()}, labels)
        done += len(labels)
        figures = (("accuracy", sums.accuracy), ("loss", sums.loss))
        yield Progress("evaluate", done, len(samples), figures)
    metrics = tuple(map(Metric, sums.criteria, sums.values()))
    return Evaluation(
        samples=sums.counted,
        correct=sums.correct,
        loss=sums.loss,
        provider=session.provider,
        seconds=seconds,
        metrics=metrics,
        further=tuple(metric for metric in metrics if sums.says_more(metric.criterion)),
        refused=tuple(each for each in known if each.refusal),
        classified=sums.classified,
    )


def _judged(criterion: Criterion, widths: Mapping[str, int | None]) -> Criterion:
    """Return a criterion with the reason why it cannot be measured, if there is one."""
    if criterion.refusal or criterion.scores not in widths:
        return criterion
    return replace(criterion, refusal=refusal_of(criterion, widths[criterion.scores]))


@dataclass
class _Sums:
    """What was added up over the batches so far.

    `trained` is the loss that the output was trained with, which cross-entropy stands in for where
    it is not among the `criteria` that are measured, but is that of a classifier. `totals` holds
    a sum and its divisor for each criterion, `first` those of the loss that is reported.
    """

    output: Scores
    trained: Criterion | None
    criteria: tuple[Criterion, ...]
    first: tuple[float, int] = (0.0, 0)
    totals: list[tuple[float, int]] = field(default_factory=list)
    correct: int = 0
    counted: int = 0

    def __post_init__(self) -> None:
        self.totals = [(0.0, 0)] * len(self.criteria)

    @property
    def classified(self) -> bool:
        return self.trained is None or self.trained.is_classifying

    @property
    def accuracy(self) -> float:
        return self.correct / max(self.counted, 1) if self.classified else math.nan

    @property
    def loss(self) -> float:
        return _mean(self.first)

    def values(self) -> list[float]:
        return [_mean(total) for total in self.totals]

    def says_more(self, criterion: Criterion) -> bool:
        """Tell whether a criterion is something else than the accuracy or the loss."""
        if criterion.is_loss:
            return criterion != self.trained
        ignore = None if self.trained is None else self.trained.ignore
        same = criterion.scores in (self.output.output, self.output.logits)
        return not same or criterion.top_k > 1 or criterion.ignore != ignore

    def add(self, outputs: Mapping[str, FloatArray], labels: IntArray) -> None:
        found = [score(each, outputs[each.scores], labels) for each in self.criteria]
        self.totals = list(map(_plus, self.totals, found))
        kept = slice(None) if self.trained is None else self.trained.counts(labels)
        counted, scores = labels[kept], outputs[self.output.output][kept]
        self.counted += len(counted)
        if self.classified:
            scores = as_scores(scores, counted, self.output.output)
            self.correct += count_correct(scores, counted)
        if self.trained in self.criteria:
            self.first = self.totals[self.criteria.index(self.trained)]
        elif self.classified:
            losses = cross_entropy(scores, counted, self.output.activation)
            self.first = _plus(self.first, (float(losses.sum()), len(counted)))


def _plus(total: tuple[float, int], found: tuple[float, int]) -> tuple[float, int]:
    return total[0] + found[0], total[1] + found[1]


def _mean(total: tuple[float, int]) -> float:
    return total[0] / total[1] if total[1] else math.nan
