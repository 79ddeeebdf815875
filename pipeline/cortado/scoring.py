"""What a criterion says of a batch: Caffe's losses and accuracies, image by image.

With scores x of shape (n, k), the label y of an image, and t = 1 for class y, else −1:

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

import numpy as np

from cortado.errors import CortadoError
from cortado.model.criteria import Criterion
from cortado.model.typing import FloatArray, IntArray

__all__ = ["check_labels", "score"]

_SMALLEST = float(np.finfo(np.float32).tiny)
_LOG_THRESHOLD = 1e-20  # of MultinomialLogisticLoss


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
        If scores are not one a class, or a label is none of the classes.
    """
    if scores.ndim < 2 or scores[0].size != scores.shape[1]:
        shape = list(scores.shape)
        raise CortadoError(f"{criterion.scores} has the shape {shape}, not one score a class")
    counted = (
        np.ones(len(labels), np.bool_) if criterion.ignore is None else labels != criterion.ignore
    )
    divisor = int(counted.sum())
    if criterion.is_loss and criterion.normalization != "VALID":
        divisor = len(labels)
    wide = scores.reshape(len(scores), -1).astype(np.float64)[counted]
    labels = labels[counted]
    check_labels(criterion, wide.shape[1], labels)
    if criterion.is_loss:
        return float(_loss(criterion, wide, labels).sum()), divisor
    own = np.take_along_axis(wide, labels[:, None], axis=1)
    better = (~(wide < own)).sum(axis=1) - 1  # NaN is never smaller, and so never correct
    return float((better < criterion.top_k).sum()), divisor


def check_labels(criterion: Criterion, width: int, labels: IntArray) -> None:
    """Refuse labels that a criterion cannot compare with `width` scores an image."""
    if criterion.kind in ("EuclideanLoss", "SigmoidCrossEntropyLoss"):
        if width != 1:
            raise CortadoError(
                f"layer {criterion.name!r} ({criterion.kind}) needs a target for each of "
                f"{width} scores; the data have one label an image"
            )
    elif labels.size and labels.max() >= width:
        raise CortadoError(
            f"the label {labels.max()} lies outside the {width} classes of {criterion.scores}"
        )


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
        losses = -np.log(np.maximum(scores[rows, labels], _LOG_THRESHOLD))
    else:
        shifted = scores - scores.max(axis=1, keepdims=True, initial=-np.inf)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses = -np.maximum(logs[rows, labels], np.log(_SMALLEST))
    result: FloatArray = losses
    return result
