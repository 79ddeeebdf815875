"""Metrics of classes: accuracy, top-k, agreement, cross-entropy.

A prediction counts as correct if the label has the strictly highest score; for top-k, if fewer than
k other classes score at least what the label does.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.errors import UsageError
from cortado.model.typing import BoolArray, FloatArray, IntArray
from cortado.scoring.formulas import cross_entropy, log_probabilities
from cortado.scoring.metrics.class_rows import (
    IGNORED,
    are_right,
    integer_labels,
    labels_in,
    logits_of,
    rows_of,
    score_rows,
)
from cortado.scoring.metrics.form import NO_NUMBER, MetricForm, NumberRule
from cortado.scoring.metrics.metric import A_HALF_POINT, Against, Outputs, Scored, mean_of
from cortado.task.outputs import Scores

__all__ = [
    "ACCURACY",
    "AGREEMENT",
    "CROSS_ENTROPY",
    "KL",
    "TOP",
    "Accuracy",
    "CrossEntropy",
    "Disagreement",
    "Divergence",
]


@dataclass(frozen=True)
class Accuracy:
    """The fraction of labels that score highest, or among the k highest.

    Against the outputs of the dense model it is the agreement: the label is its choice.

    Attributes
    ----------
    output : Scores
        The output with one score a class.
    against : {"targets", "reference"}
        Where the labels are from.
    per_sample : bool
        Whether each sample has one label that counts; else positions are pooled.
    top_k : int
        The number of classes the label may be among.
    ignore : int or None
        A label that does not count, beside `IGNORED`.
    """

    output: Scores
    against: Against = "targets"
    per_sample: bool = True
    top_k: int = 1
    ignore: int | None = None
    higher_is_better: bool = True
    usual_drop: float | None = A_HALF_POINT

    @property
    def name(self) -> str:
        """``accuracy``, ``top-5`` or ``agreement``."""
        if self.against == "reference":
            return "agreement"
        return "accuracy" if self.top_k == 1 else f"top-{self.top_k}"

    @property
    def kind(self) -> Literal["binary", "mean", "pooled"]:
        """Binary where each sample has one label."""
        return "binary" if self.per_sample else "pooled"

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return whether each label is right; of positions, how many are, and how many count."""
        scores, labels = found[self.output.output], self._labels(wanted)
        count = len(scores)
        counted = self._counted(labels)
        right, kept = are_right(scores, np.where(counted, labels, IGNORED), self.output, self.top_k)
        if self.per_sample:
            return right.reshape(count, -1).astype(np.float64)
        sums = [array.reshape(count, -1).sum(axis=1) for array in (right, kept)]
        return np.stack(sums, axis=1).astype(np.float64)

    def value(self, parts: FloatArray) -> float:
        """Return the fraction of what counts that is right."""
        if self.per_sample:
            return mean_of(parts)
        right, counted = parts.sum(axis=0)
        return float(right / counted) if counted else float("nan")

    def _labels(self, wanted: Outputs) -> IntArray:
        array = wanted[self.output.output]
        if self.against == "reference":
            return labels_in(array, self.output)
        return integer_labels(array, self.output)

    def _counted(self, labels: IntArray) -> BoolArray:
        counted: BoolArray = labels != IGNORED
        return counted if self.ignore is None else counted & (labels != self.ignore)


@dataclass(frozen=True)
class CrossEntropy:
    """The mean cross-entropy of the labels, in nats; of the choices of the dense model likewise.

    Attributes
    ----------
    output, against, ignore
        As of `Accuracy`.
    """

    output: Scores
    against: Against = "targets"
    ignore: int | None = None
    name: str = "cross-entropy"
    higher_is_better: bool = False
    kind: Literal["binary", "mean", "pooled"] = "mean"
    usual_drop: float | None = None

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return the mean of each sample, of shape (n, 1)."""
        scores, labels = found[self.output.output], wanted[self.output.output]
        if self.against == "reference":
            labels = labels_in(labels, self.output)
        else:
            labels = integer_labels(labels, self.output)
        if self.ignore is not None:
            labels = np.where(labels == self.ignore, IGNORED, labels)
        rows, flat = rows_of(scores, labels, self.output)
        kept = flat != IGNORED
        losses = np.zeros(len(flat))
        losses[kept] = cross_entropy(rows[kept], flat[kept], logits_of(self.output))
        counts = kept.reshape(len(scores), -1).sum(axis=1)
        sums = losses.reshape(len(scores), -1).sum(axis=1)
        means: FloatArray = (sums / np.maximum(counts, 1))[:, None]
        return means

    def value(self, parts: FloatArray) -> float:
        """Return the mean."""
        return mean_of(parts)


@dataclass(frozen=True)
class Divergence:
    """KL(dense ‖ model), the mean over samples and positions, in nats."""

    output: Scores
    name: str = "kl"
    higher_is_better: bool = False
    kind: Literal["binary", "mean", "pooled"] = "mean"
    against: Against = "reference"
    usual_drop: float | None = None

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return the divergence of each sample, of shape (n, 1)."""
        logs = [self._logs(each[self.output.output]) for each in (wanted, found)]
        terms = (np.exp(logs[0]) * (logs[0] - logs[1])).sum(axis=1)
        means = terms.reshape(len(found[self.output.output]), -1).mean(axis=1)
        result: FloatArray = np.maximum(means, 0)[:, None]
        return result

    def value(self, parts: FloatArray) -> float:
        """Return the mean."""
        return mean_of(parts)

    def _logs(self, scores: FloatArray) -> FloatArray:
        """Return log probabilities as rows (positions, classes)."""
        return log_probabilities(score_rows(scores, self.output), logits_of(self.output))


@dataclass(frozen=True)
class Disagreement:
    """The fraction of positions of each sample that have another class, for indices of classes.

    Attributes
    ----------
    output, against, ignore
        As of `Accuracy`.
    """

    output: Scores
    against: Against = "targets"
    ignore: int | None = None
    name: str = "disagreement"
    higher_is_better: bool = False
    kind: Literal["binary", "mean", "pooled"] = "mean"
    usual_drop: float | None = A_HALF_POINT

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return the fraction of each sample, of shape (n, 1)."""
        labels = wanted[self.output.output]
        if self.ignore is not None:
            labels = np.where(labels == self.ignore, IGNORED, labels)
        classes = found[self.output.output]
        right, kept = are_right(classes, labels, self.output, 1)
        wrong = (kept & ~right).reshape(len(classes), -1).sum(axis=1)
        counted = kept.reshape(len(classes), -1).sum(axis=1)
        fractions: FloatArray = (wrong / np.maximum(counted, 1))[:, None]
        return fractions

    def value(self, parts: FloatArray) -> float:
        """Return the mean."""
        return mean_of(parts)


def is_per_sample(scored: Scored) -> bool:
    """Return whether each sample has one label that counts."""
    if scored.ignore is not None or scored.targets is None:
        return scored.ignore is None
    array = scored.targets.get(scored.main.output)
    return array is None or array.ndim == 1


def _make_accuracy(scored: Scored, top_k: float | None) -> Accuracy:
    if top_k is not None and top_k > 1 and scored.main.form != "scores":
        raise UsageError(
            f"the metric top-{top_k:g} needs scores of classes, and the output "
            f"{scored.main.output} has none"
        )
    return Accuracy(
        scored.main, scored.against, is_per_sample(scored), int(top_k or 1), scored.ignore
    )


def _make_agreement(scored: Scored, _: float | None) -> Accuracy:
    is_one = scored.sizes.get(scored.main.output) == 1 and scored.main.form != "scores"
    return Accuracy(scored.main, "reference", is_one or scored.main.rank in (None, 2))


def _make_cross_entropy(scored: Scored, _: float | None) -> CrossEntropy:
    return CrossEntropy(scored.main, scored.against, scored.ignore)


_K = NumberRule("a whole number from 1 up", lambda k: k >= 1 and k.is_integer(), is_needed=True)

ACCURACY = MetricForm(_make_accuracy, "", NO_NUMBER, ("labels",), needs_targets=True)
TOP = MetricForm(_make_accuracy, "", _K, ("labels",), needs_targets=True)
AGREEMENT = MetricForm(_make_agreement, "", NO_NUMBER, takes=())
CROSS_ENTROPY = MetricForm(_make_cross_entropy, "", NO_NUMBER, ("labels",))
KL = MetricForm(lambda scored, _: Divergence(scored.main), "KL", NO_NUMBER, takes=())
