"""Accuracy and loss of a model, measured in onnxruntime.

An image counts as correct when its label scores strictly higher than every other class, as in
Caffe's Accuracy layer, where a tie with the label is an error. The loss is the mean
cross-entropy in nats; an output that is already a softmax is not normalized again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.data import Feed, Samples
from cortado.errors import CortadoError
from cortado.model import serial
from cortado.model.heads import Activation, activation_of, choose_output
from cortado.model.typing import FloatArray, IntArray
from cortado.session import Session, open_session
from cortado.steps import Progress, Steps

__all__ = ["Evaluation", "count_correct", "cross_entropy", "evaluate", "evaluate_session"]

_BATCH = 250


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
    """

    samples: int
    correct: int
    loss: float
    provider: str
    seconds: float

    @property
    def accuracy(self) -> float:
        """Fraction of images that are correct."""
        return self.correct / self.samples

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
    session = open_session(serial.encode(model), provider)
    return (yield from evaluate_session(model, session, samples, classes, head))


def evaluate_session(
    model: ir.Model, session: Session, samples: Samples, classes: int, head: str | None
) -> Steps[Evaluation]:
    """Score `samples` as `evaluate` does, in a session that is already open."""
    output = choose_output(session.widths, classes, head)
    activation = activation_of(model, output).activation
    feed = Feed.of(model)
    correct, loss, seconds, done = 0, 0.0, 0.0, 0
    for indices in _batches(len(samples), feed.batch or _BATCH):
        pixels, labels = samples.take(indices)
        inputs = _pad(feed(pixels), feed.batch)
        begin = time.perf_counter()
        scores = session.run({feed.name: inputs})[output][: len(labels)]
        seconds += time.perf_counter() - begin
        scores = _as_scores(scores, labels, output)
        correct += count_correct(scores, labels)
        loss += float(cross_entropy(scores, labels, activation).sum())
        done += len(labels)
        figures = (("accuracy", correct / done), ("loss", loss / done))
        yield Progress("evaluate", done, len(samples), figures)
    return Evaluation(done, correct, loss / done, session.provider, seconds)


def count_correct(scores: FloatArray, labels: IntArray) -> int:
    """Count the rows of scores (n, classes) whose label is the only maximum."""
    own = np.take_along_axis(scores, labels[:, None], axis=1)  # (n, 1)
    others = (~(scores < own)).sum(axis=1) - 1  # NaN is never smaller, and so never correct
    return int((others == 0).sum())


def cross_entropy(scores: FloatArray, labels: IntArray, activation: Activation) -> FloatArray:
    """Return the cross-entropy of each row, in nats, of shape (n,)."""
    wide = scores.astype(np.float64)
    if activation == "softmax":
        logs = np.log(np.maximum(wide, np.finfo(np.float32).tiny))
    elif activation == "log_softmax":
        logs = wide
    else:
        shifted = wide - wide.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    losses: FloatArray = -np.take_along_axis(logs, labels[:, None], axis=1)[:, 0]
    return losses


def _as_scores(scores: FloatArray, labels: IntArray, output: str) -> FloatArray:
    """Check the scores and drop trailing axes of size 1: (n, classes, 1, 1) → (n, classes)."""
    if scores.ndim < 2 or scores[0].size != scores.shape[1]:
        raise CortadoError(
            f"the output {output} has the shape {list(scores.shape)}, not one score a class"
        )
    if labels.max() >= scores.shape[1]:
        raise CortadoError(
            f"the label {labels.max()} lies outside the {scores.shape[1]} classes of {output}"
        )
    return scores.reshape(len(scores), -1)


def _batches(count: int, size: int) -> Iterator[IntArray]:
    for begin in range(0, count, size):
        yield np.arange(begin, min(begin + size, count))


def _pad(inputs: FloatArray, batch: int | None) -> FloatArray:
    """Repeat the last image up to the only batch size that the model takes."""
    if batch is None or len(inputs) == batch:
        return inputs
    return np.concatenate([inputs, np.repeat(inputs[-1:], batch - len(inputs), axis=0)])
