"""Scores of a changed model beside those of the dense one → sums → figures.

    accuracy    the fraction of images whose label scores strictly highest
    loss        mean cross-entropy, in nats
    kl          mean Σ_c p_c log(p_c / q_c), p of the dense model, q of the changed one, in nats

Without labels, the class that the dense model chooses is the label.
"""

from dataclasses import dataclass

import numpy as np

from cortado.model.typing import BoolArray, FloatArray, IntArray
from cortado.scoring.formulas import is_correct, log_probabilities
from cortado.stats.intervals import wilson_interval
from cortado.task.outputs import Activation

__all__ = ["Reference", "Tally"]


@dataclass(frozen=True)
class Reference:
    """What the dense model says of a batch of n images.

    Attributes
    ----------
    labels : array of shape (n,)
        Those of the data, or the classes that the model chooses.
    logs : array of shape (n, classes), float32
        Logarithms of the probabilities.
    right : array of shape (n,), bool
        Whether the model is.
    """

    labels: IntArray
    logs: FloatArray
    right: BoolArray

    @classmethod
    def of(cls, scores: FloatArray, labels: IntArray | None, activation: Activation) -> "Reference":
        """Return the reference that scores of shape (n, classes) give."""
        chosen = scores.argmax(axis=1) if labels is None else labels
        logs = log_probabilities(scores, activation).astype(np.float32)
        return cls(chosen, logs, is_correct(scores, chosen))

    def __getitem__(self, part: slice) -> "Reference":
        return Reference(self.labels[part], self.logs[part], self.right[part])


@dataclass(frozen=True)
class Tally:
    """Sums over images.

    Attributes
    ----------
    samples, correct : int
        Images scored, and those that are correct.
    lost, gained : int
        Those that are correct in the dense model alone, and in the changed one alone.
    loss, kl : float
        Sums, in nats.
    dense_loss : float
        That of the dense model on the same images.
    seconds : float
        Spent in onnxruntime.
    """

    samples: int = 0
    correct: int = 0
    lost: int = 0
    gained: int = 0
    loss: float = 0.0
    kl: float = 0.0
    dense_loss: float = 0.0
    seconds: float = 0.0

    @classmethod
    def of(
        cls, scores: FloatArray, dense: Reference, activation: Activation, seconds: float
    ) -> "list[Tally]":
        """Return the sums of several changed models over one batch of n images.

        Parameters
        ----------
        scores : array of shape (n, models, classes)
            Of all models.
        dense : Reference
            Of the same images.
        activation : str
            What the scores have been through.
        seconds : float
            What all models took.
        """
        images, models, classes = scores.shape
        flat = scores.reshape(-1, classes)
        labels = np.repeat(dense.labels, models)
        logs = log_probabilities(flat, activation).reshape(scores.shape)
        right = is_correct(flat, labels).reshape(images, models)
        wide = dense.logs.astype(np.float64)[:, None]
        chosen = np.take_along_axis(logs, dense.labels[:, None, None], axis=2)
        before = -float(np.take_along_axis(wide[:, 0], dense.labels[:, None], axis=1).sum())
        figures = zip(
            right.sum(axis=0),
            (dense.right[:, None] & ~right).sum(axis=0),
            (right & ~dense.right[:, None]).sum(axis=0),
            -_sums(chosen),
            np.maximum(_sums(np.exp(wide) * (wide - logs)), 0),
            strict=True,
        )
        return [
            cls(images, int(c), int(a), int(b), float(loss), float(kl), before, seconds / models)
            for c, a, b, loss, kl in figures
        ]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.samples + other.samples,
            self.correct + other.correct,
            self.lost + other.lost,
            self.gained + other.gained,
            self.loss + other.loss,
            self.kl + other.kl,
            self.dense_loss + other.dense_loss,
            self.seconds + other.seconds,
        )

    def mean(self, total: float) -> float | None:
        """Return a sum by the images, None if there are none."""
        return total / self.samples if self.samples else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return wilson_interval(self.correct, self.samples)


def _sums(terms: FloatArray) -> FloatArray:
    """Return the sum of each model's terms, in an order that the number of models does not touch.

    Parameters
    ----------
    terms : array of shape (n, models, …)
    """
    apart = np.ascontiguousarray(terms.swapaxes(0, 1))
    sums: FloatArray = apart.reshape(len(apart), -1).sum(axis=1)
    return sums
