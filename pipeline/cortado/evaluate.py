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
from dataclasses import dataclass

import onnx_ir as ir

from cortado.data import Feed, Samples, feed_batches
from cortado.model import serial
from cortado.model.criteria import Criterion
from cortado.model.exposed import expose
from cortado.model.heads import Activation, activation_of, criterion_of, main_output
from cortado.model.metadata import read_criteria
from cortado.model.typing import FloatArray, IntArray
from cortado.scoring import as_scores, count_correct, cross_entropy, score
from cortado.session import Session, open_session
from cortado.steps import Progress, Steps

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
        Mean cross-entropy in nats.
    provider : str
        The execution provider.
    seconds : float
        Time spent in onnxruntime.
    metrics : tuple of Metric
        What the model's own criteria say.
    classified : bool
        Whether the output that is scored has one score a class; otherwise nothing is correct.
    """

    samples: int
    correct: int
    loss: float
    provider: str
    seconds: float
    metrics: tuple[Metric, ...] = ()
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
    provider: str = "cpu",
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
    provider : str
        The execution provider, such as ``cpu`` or ``cuda``.
    """
    scored = [each.scores for each in read_criteria(model) if not each.refusal]
    session = open_session(serial.encode(expose(model, scored)), provider)
    return (yield from evaluate_session(model, session, samples, classes, head))


def evaluate_session(
    model: ir.Model, session: Session, samples: Samples, classes: int, head: str | None
) -> Steps[Evaluation]:
    """Score `samples` as `evaluate` does, in a session that is already open.

    Of the model's criteria those are measured whose scores the session outputs.
    """
    sums = _Sums.over(model, session, classes, head)
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
    return Evaluation(
        samples=sums.counted,
        correct=sums.correct,
        loss=sums.loss,
        provider=session.provider,
        seconds=seconds,
        metrics=tuple(map(Metric, sums.criteria, sums.values())),
        classified=sums.classified,
    )


@dataclass
class _Sums:
    """What was added up over the batches so far.

    `trained` is the loss that the output was trained with, and `main` that same one where the
    session outputs what it scores. `totals` holds a sum and its divisor for the main criterion, or
    for cross-entropy, and for each of the model's.
    """

    output: str
    activation: Activation
    trained: Criterion | None
    main: Criterion | None
    criteria: tuple[Criterion, ...]
    totals: list[tuple[float, int]]
    correct: int = 0
    counted: int = 0

    @classmethod
    def over(cls, model: ir.Model, session: Session, classes: int, head: str | None) -> "_Sums":
        output = main_output(model, session.widths, classes, head)
        trained = criterion_of(model, output)
        known = read_criteria(model)
        criteria = [each for each in known if _is_measurable(each, session.widths)]
        return cls(
            output=output,
            activation=activation_of(model, output).activation,
            trained=trained,
            main=trained if trained in criteria else None,
            criteria=tuple(criteria),
            totals=[(0.0, 0)] * (1 + len(criteria)),
        )

    @property
    def classified(self) -> bool:
        return self.main is None or self.main.is_classifying

    @property
    def accuracy(self) -> float:
        return self.correct / max(self.counted, 1) if self.classified else math.nan

    @property
    def loss(self) -> float:
        return _mean(self.totals[0])

    def values(self) -> list[float]:
        return [_mean(total) for total in self.totals[1:]]

    def add(self, outputs: Mapping[str, FloatArray], labels: IntArray) -> None:
        found = [score(each, outputs[each.scores], labels) for each in self.criteria]
        kept = slice(None) if self.trained is None else self.trained.counts(labels)
        counted, scores = labels[kept], outputs[self.output][kept]
        if self.classified:
            scores = as_scores(scores, counted, self.output)
            self.correct += count_correct(scores, counted)
        if self.main is None:
            losses = cross_entropy(scores, counted, self.activation)
            found.insert(0, (float(losses.sum()), len(counted)))
        else:
            found.insert(0, found[self.criteria.index(self.main)])
        self.counted += len(counted)
        self.totals = [
            (total + value, divisor + count)
            for (total, divisor), (value, count) in zip(self.totals, found, strict=True)
        ]


def _is_measurable(criterion: Criterion, widths: Mapping[str, int | None]) -> bool:
    """Tell whether labels suffice, and the session outputs the scores."""
    if criterion.refusal or criterion.scores not in widths:
        return False
    return criterion.is_classifying or widths[criterion.scores] == 1


def _mean(total: tuple[float, int]) -> float:
    return total[0] / total[1] if total[1] else math.nan
