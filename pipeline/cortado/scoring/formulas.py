"""Formulas of scores and labels: accuracy, cross-entropy, Caffe's losses, image by image.

An image is correct if its label scores strictly higher than every other class. With scores x of
shape (n, k), the label y of an image, and t = 1 for class y, else −1:

    SoftmaxWithLoss            −log softmax(x)[y]
    MultinomialLogisticLoss    −log x[y], x being probabilities
    HingeLoss                  Σ max(0, 1 − t x), each squared for L2
    SigmoidCrossEntropyLoss    log(1 + exp(x)) − x y, of one score
    EuclideanLoss              (x − y)² / 2, of one score
    Accuracy                   1 if fewer than top_k other classes score at least x[y]; a tie with
                               the label is an error

A batch gives the sum over its images and what to divide it by. Over a whole set a sum that Caffe
does not normalize is divided by the images, since Caffe's figure would depend on its batches.

Source: BVLC/caffe softmax_loss_layer.cpp, multinomial_logistic_loss_layer.cpp,
hinge_loss_layer.cpp, sigmoid_cross_entropy_loss_layer.cpp, euclidean_loss_layer.cpp,
accuracy_layer.cpp.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from scipy import special

from cortado.errors import CortadoError
from cortado.model.typing import FloatArray, IntArray
from cortado.task.criteria import Criterion
from cortado.task.outputs import Activation

__all__ = [
    "LOG_THRESHOLD",
    "as_scores",
    "better_than_label",
    "check_labels",
    "check_shape",
    "cross_entropy",
    "log_probabilities",
    "refusal_of",
    "score",
]

LOG_THRESHOLD = 1e-20
"""The smallest probability of MultinomialLogisticLoss."""

_SMALLEST = float(np.finfo(np.float32).tiny)


def score(criterion: Criterion, scores: FloatArray, labels: IntArray) -> tuple[float, int]:
    """Return the sum of a criterion over images, and the number to divide it by.

    Parameters
    ----------
    criterion : Criterion
        The loss or accuracy.
    scores : array of shape (n, k) or (n, k, 1, …)
        What it scores.
    labels : array of shape (n,), int64
        The labels.

    Raises
    ------
    CortadoError
        If scores are not one for each class, or a label is not one of the classes.
    """
    counted = criterion.counts(labels)
    divisor = int(counted.sum())
    if criterion.is_loss and criterion.normalization != "VALID":
        divisor = len(labels)
    wide = _flat(scores, criterion.scores).astype(np.float64)[counted]
    labels = labels[counted]
    check_labels(criterion, wide.shape[1], labels)
    if criterion.is_loss:
        return float(_loss(criterion, wide, labels).sum()), divisor
    return float((better_than_label(wide, labels) < criterion.top_k).sum()), divisor


def check_labels(criterion: Criterion, width: int, labels: IntArray) -> None:
    """Refuse labels that a criterion cannot compare with `width` scores an image."""
    if criterion.is_classifying:
        _check_classes(labels, width, criterion.scores)
    elif refusal_of(criterion, width):
        raise CortadoError(
            f"layer {criterion.name!r} ({criterion.kind}) does not fit the labels: "
            f"{refusal_of(criterion, width)}"
        )


def refusal_of(criterion: Criterion, width: int | None) -> str:
    """Return why labels do not suffice for a criterion of `width` scores; empty where they do."""
    if criterion.refusal or criterion.is_classifying or width == 1:
        return criterion.refusal
    count = "an unknown number of" if width is None else width
    return f"it needs a target for each of {count} scores; the data have one label an image"


def as_scores(scores: FloatArray, labels: IntArray, name: str) -> FloatArray:
    """Check the scores and drop trailing axes of size 1: (n, classes, 1, 1) → (n, classes)."""
    flat = _flat(scores, name)
    _check_classes(labels, flat.shape[1], name)
    return flat


def check_shape(shape: Sequence[int], name: str) -> None:
    """Refuse scores that are not one a class for each image."""
    if len(shape) < 2 or prod(shape[2:]) != 1:
        raise CortadoError(f"{name} has the shape {list(shape)}, not one score a class")


def cross_entropy(scores: FloatArray, labels: IntArray, activation: Activation) -> FloatArray:
    """Return the cross-entropy of each row, in nats, of shape (n,)."""
    logs = log_probabilities(scores, activation)
    losses: FloatArray = -np.take_along_axis(logs, labels[:, None], axis=1)[:, 0]
    return losses


def log_probabilities(scores: FloatArray, activation: Activation) -> FloatArray:
    """Return the logarithms of the probabilities that scores (n, classes) stand for, float64."""
    wide = scores.astype(np.float64)
    if activation == "softmax":
        return np.log(np.maximum(wide, _SMALLEST))
    if activation == "log_softmax":
        return wide
    logs: FloatArray = special.log_softmax(wide, axis=1)
    return logs


def _flat(scores: FloatArray, name: str) -> FloatArray:
    check_shape(scores.shape, name)
    return scores.reshape(len(scores), scores.shape[1])


def _check_classes(labels: IntArray, width: int, name: str) -> None:
    if labels.size and labels.max() >= width:
        raise CortadoError(f"the label {labels.max()} lies outside the {width} classes of {name}")


def better_than_label(scores: FloatArray, labels: IntArray) -> IntArray:
    """Return how many other classes score at least what the label does, of shape (n,)."""
    own = np.take_along_axis(scores, labels[:, None], axis=1)  # (n, 1)
    better: IntArray = (~(scores < own)).sum(axis=1) - 1  # NaN is never smaller, so never correct
    return better


def _loss(criterion: Criterion, scores: FloatArray, labels: IntArray) -> FloatArray:
    """Return the loss of each image, of shape (n,)."""
    rows = np.arange(len(labels))
    if criterion.kind == "SigmoidCrossEntropyLoss":
        losses = np.logaddexp(0, scores[:, 0]) - scores[:, 0] * labels
    elif criterion.kind == "EuclideanLoss":
        losses = (scores[:, 0] - labels) ** 2 / 2
    elif criterion.kind == "HingeLoss":
        margins = 1 + scores
        margins[rows, labels] = 1 - scores[rows, labels]
        np.maximum(margins, 0, out=margins)
        losses = (margins if criterion.norm == "L1" else margins**2).sum(axis=1)
    elif criterion.kind == "MultinomialLogisticLoss":
        losses = -np.log(np.maximum(scores[rows, labels], LOG_THRESHOLD))
    else:
        losses = np.minimum(cross_entropy(scores, labels, "none"), -np.log(_SMALLEST))
    result: FloatArray = losses
    return result
