"""The sums of an evaluation over batches: the metric, the loss, and the model's own criteria."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cortado.data.samples import labels_of
from cortado.model.typing import FloatArray
from cortado.scoring.formulas import score
from cortado.scoring.gathered import Gathered
from cortado.scoring.losses import Term, measure
from cortado.scoring.metrics import Metric, Outputs
from cortado.scoring.metrics.classes import Accuracy, CrossEntropy
from cortado.scoring.task import Task
from cortado.task.criteria import Criterion

__all__ = ["Sums"]


@dataclass
class Sums:
    """Figures of the batches so far.

    Attributes
    ----------
    task : Task
        What is measured.
    samples : int
        How many samples there will be.
    trained : Criterion or None
        The loss that the output was trained with. Cross-entropy stands in for it where it is not
        among `criteria`, but is that of a classifier.
    criteria : tuple of Criterion
        The model's own losses and metrics that are measured.
    terms : sequence of Term
        Losses whose sum is reported in place of `trained`.
    """

    task: Task
    samples: int
    trained: Criterion | None
    criteria: tuple[Criterion, ...]
    terms: Sequence[Term] = ()
    _first: tuple[float, float] = (0.0, 0)  # sum and divisor, as all that follow
    _totals: list[tuple[float, float]] = field(default_factory=list)
    _suggested: list[tuple[float, float]] = field(default_factory=list)
    _parts: Gathered = field(init=False)

    def __post_init__(self) -> None:
        """Begin at zero."""
        self._parts = Gathered(self.samples)
        self._totals = [(0.0, 0)] * len(self.criteria)
        self._suggested = [(0.0, 0)] * len(self.terms)

    def add(self, found: Outputs, targets: Outputs | None, reference: Outputs) -> None:
        """Add a batch of n samples.

        Parameters
        ----------
        found : mapping of str to array of shape (n, …)
            What the model gives.
        targets : mapping of str to array of shape (n, …), or None
            By the outputs that they belong to.
        reference : mapping of str to array of shape (n, …)
            What the dense model gives, for a metric that compares with it.
        """
        wanted = reference if self.metric.against == "reference" else targets or {}
        parts = self.metric.parts(found, wanted)
        self._parts.add(parts)
        labels = labels_of(targets)
        if labels is not None:
            measured = [score(each, found[each.scores], labels) for each in self.criteria]
            self._totals = list(map(_plus, self._totals, measured))
        if self.terms:
            suggested = [_measured(term, found, targets or {}) for term in self.terms]
            self._suggested = list(map(_plus, self._suggested, suggested))
        if self.trained in self.criteria:
            self._first = self._totals[self.criteria.index(self.trained)]
        elif isinstance(self.task.loss, CrossEntropy) and self.task.loss.against == "targets":
            losses = self.task.loss.parts(found, targets or {})
            counts = self._counts(targets, len(parts))
            self._first = _plus(self._first, (float((losses[:, 0] * counts).sum()), counts.sum()))

    def _counts(self, targets: Outputs | None, count: int) -> FloatArray:
        """Return what each sample weighs in the mean loss: whether its label counts."""
        labels = labels_of(targets)
        if labels is None or self.trained is None:
            return np.ones(count)
        return self.trained.counts(labels).astype(np.float64)

    @property
    def metric(self) -> Metric:
        """The metric of the task."""
        return self.task.metric

    @property
    def together(self) -> FloatArray:
        """The statistics of all samples so far, of shape (n, k)."""
        return self._parts.rows

    @property
    def value(self) -> float:
        """The metric."""
        return self.metric.value(self.together)

    @property
    def correct(self) -> int | None:
        """Samples, or positions, that are right; None for a metric that counts nothing right."""
        return int(self.together[:, 0].sum()) if isinstance(self.metric, Accuracy) else None

    @property
    def counted(self) -> int:
        """Samples that count; positions where the metric pools them."""
        if isinstance(self.metric, Accuracy) and self.metric.kind == "pooled":
            return int(self.together[:, 1].sum())
        return len(self._parts)

    @property
    def loss(self) -> float:
        """The loss that is reported; NaN where none is."""
        if not self.terms:
            return _mean(self._first)
        pairs = zip(self.terms, self._suggested, strict=True)
        return sum(term.weight * _mean(total) for term, total in pairs)

    @property
    def values(self) -> list[float]:
        """The value of each criterion."""
        return [_mean(total) for total in self._totals]

    def says_more(self, criterion: Criterion) -> bool:
        """Return whether a criterion is something else than the accuracy or the loss."""
        if criterion.is_loss:
            return criterion != self.trained
        ignore, output = None if self.trained is None else self.trained.ignore, self.task.outputs[0]
        same = criterion.scores in (output.output, output.logits)
        return not same or criterion.top_k > 1 or criterion.ignore != ignore


def _measured(term: Term, found: Outputs, targets: Outputs) -> tuple[float, float]:
    scores = found[term.scores.logits]
    if term.scores.output in found and not term.scores.is_reduced:
        scores = scores.reshape(found[term.scores.output].shape)
    return measure(term, scores, targets[term.target])


def _plus(total: tuple[float, float], found: tuple[float, float]) -> tuple[float, float]:
    return total[0] + found[0], total[1] + found[1]


def _mean(total: tuple[float, float]) -> float:
    return total[0] / total[1] if total[1] else math.nan
