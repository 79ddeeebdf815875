"""Metrics of classes: accuracy, top-k, agreement, cross-entropy.

A prediction counts as correct if the label has the strictly highest score; for top-k, if fewer than
k other classes score at least what the label does. Labels may stand for samples, for positions of
a text or for pixels; the axis of the classes is the one that the labels lack.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, BoolArray, FloatArray, IntArray
from cortado.scoring.formulas import as_scores, better_than_label, cross_entropy, log_probabilities
from cortado.scoring.metrics.form import NO_NUMBER, MetricForm, NumberRule
from cortado.scoring.metrics.metric import A_HALF_POINT, Against, Outputs, Scored, mean_of
from cortado.task.outputs import Scores

__all__ = [
    "ACCURACY",
    "AGREEMENT",
    "CROSS_ENTROPY",
    "IGNORED",
    "KL",
    "TOP",
    "Accuracy",
    "CrossEntropy",
    "Divergence",
    "class_axis",
    "rows_of",
]

IGNORED = -100
"""The label of positions that never count, as PyTorch has it."""


def class_axis(shape: tuple[int, ...], labels: tuple[int, ...], output: Scores) -> int:
    """Return the axis of the classes, given the shapes of scores and labels.

    Where several axes fit, the one of a Softmax does, then the last of three, then the second.

    Raises
    ------
    CortadoError
        If no axis fits.
    """
    fitting = [a for a in range(1, len(shape)) if shape[:a] + shape[a + 1 :] == labels]
    if not fitting:
        raise CortadoError(
            f"the labels have the shape {show_shape(labels)}, and the output {output.output} "
            f"{show_shape(shape)}: it has no axis of classes for them"
        )
    return preferred_axis(len(shape), output, fitting)


def preferred_axis(rank: int, output: Scores, fitting: list[int] | None = None) -> int:
    """Return the likely axis of the classes of scores of a rank."""
    fitting = list(range(1, rank)) if fitting is None else fitting
    usual = [output.axis % rank] if output.activation != "none" else []
    usual += [rank - 1] if rank == 3 else []
    return next((axis for axis in (*usual, 1) if axis in fitting), fitting[0])


def rows_of(scores: FloatArray, labels: IntArray, output: Scores) -> tuple[FloatArray, IntArray]:
    """Return scores as rows (m, classes), and their labels (m,); m positions in all.

    Raises
    ------
    CortadoError
        If the labels do not fit the scores.
    """
    if labels.ndim == 1:
        return as_scores(scores, labels[labels != IGNORED], output.output), labels
    axis = class_axis(scores.shape, labels.shape, output)
    rows = np.moveaxis(scores, axis, -1).reshape(-1, scores.shape[axis])
    flat = labels.reshape(-1)
    as_scores(rows[:1], flat[flat != IGNORED], output.output)
    return rows, flat


def labels_in(scores: Array, output: Scores) -> IntArray:
    """Return the class with the highest score, of shape (n, …) without the axis of classes."""
    squeezed = scores.reshape(scores.shape[:2]) if _is_flat(scores.shape) else scores
    axis = preferred_axis(squeezed.ndim, output)
    labels: IntArray = squeezed.argmax(axis=axis)
    return labels


def _is_flat(shape: tuple[int, ...]) -> bool:
    """Return whether scores are one a class and sample, perhaps with trailing axes of size 1."""
    return len(shape) >= 2 and all(size == 1 for size in shape[2:])


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
        rows, flat = rows_of(scores, np.where(counted, labels, IGNORED), self.output)
        right = np.zeros(len(flat), np.bool_)
        kept = flat != IGNORED
        right[kept] = better_than_label(rows[kept], flat[kept]) < self.top_k
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
        return _check_labels(array, self.output)

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
            labels = _check_labels(labels, self.output)
        if self.ignore is not None:
            labels = np.where(labels == self.ignore, IGNORED, labels)
        rows, flat = rows_of(scores, labels, self.output)
        kept = flat != IGNORED
        losses = np.zeros(len(flat))
        losses[kept] = cross_entropy(rows[kept], flat[kept], self.output.activation)
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
        flat = scores.reshape(scores.shape[:2]) if _is_flat(scores.shape) else scores
        axis = preferred_axis(flat.ndim, self.output)
        rows = np.moveaxis(flat, axis, -1).reshape(-1, flat.shape[axis])
        return log_probabilities(rows, self.output.activation)


def _check_labels(array: Array, output: Scores) -> IntArray:
    if array.dtype.kind not in "iu":
        raise CortadoError(
            f"the targets of {output.output} are {array.dtype}: accuracy needs integer labels"
        )
    return array.astype(np.int64, copy=False)


def is_per_sample(scored: Scored) -> bool:
    """Return whether each sample has one label that counts."""
    if scored.ignore is not None or scored.targets is None:
        return scored.ignore is None
    array = scored.targets.get(scored.main.output)
    return array is None or array.ndim == 1


def _make_accuracy(scored: Scored, top_k: float | None) -> Accuracy:
    return Accuracy(
        scored.main, scored.against, is_per_sample(scored), int(top_k or 1), scored.ignore
    )


def _make_agreement(scored: Scored, _: float | None) -> Accuracy:
    return Accuracy(scored.main, "reference", per_sample=scored.main.rank in (None, 2))


def _make_cross_entropy(scored: Scored, _: float | None) -> CrossEntropy:
    return CrossEntropy(scored.main, scored.against, scored.ignore)


_K = NumberRule("a whole number from 1 up", lambda k: k >= 1 and k.is_integer(), is_needed=True)

ACCURACY = MetricForm(_make_accuracy, "", NO_NUMBER, ("labels",), needs_targets=True)
TOP = MetricForm(_make_accuracy, "", _K, ("labels",), needs_targets=True)
AGREEMENT = MetricForm(_make_agreement, "", NO_NUMBER, takes=())
CROSS_ENTROPY = MetricForm(_make_cross_entropy, "", NO_NUMBER, ("labels",))
KL = MetricForm(lambda scored, _: Divergence(scored.main), "KL", NO_NUMBER, takes=())
