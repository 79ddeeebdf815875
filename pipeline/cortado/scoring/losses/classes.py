"""Losses of classes: cross-entropy and its binary kind, for scores x and labels y.

    cross-entropy   −log softmax(x)[y]       one integer a sample, position or pixel
    bce             log(1 + exp(x)) − x y    each score is a question of its own, y in 0…1

The axis of the classes is the one that the labels lack. The value is the mean over all labels that
count, of all samples together.
"""

import numpy as np

from cortado.model.typing import Array
from cortado.scoring.formulas import check_shape, cross_entropy
from cortado.scoring.losses.term import Term, check_classes, check_integers, check_sizes
from cortado.scoring.metrics.class_rows import IGNORED, class_axis

__all__ = ["binary_cross_entropy", "class_axis_of", "cross_entropy_of"]


def class_axis_of(term: Term, found: tuple[int, ...], wanted: tuple[int, ...]) -> int:
    """Return the axis of the classes, given the shapes of scores and labels.

    Raises
    ------
    CortadoError
        If there is none.
    """
    if len(wanted) == 1:
        check_shape(found, term.scores.output)
        return 1
    return class_axis(found, wanted, term.scores)


def cross_entropy_of(term: Term, scores: Array, labels: Array) -> tuple[float, float]:
    """Return the sum of the cross-entropies, and how many labels count."""
    check_integers(term, labels)
    axis = class_axis_of(term, scores.shape, labels.shape)
    check_classes(term, labels, scores.shape[axis])
    rows = np.moveaxis(scores, axis, -1).reshape(labels.size, scores.shape[axis])
    flat = labels.reshape(-1).astype(np.int64)
    kept = flat != IGNORED
    if term.ignore is not None:
        kept &= flat != term.ignore
    return float(cross_entropy(rows[kept], flat[kept], "none").sum()), int(kept.sum())


def binary_cross_entropy(term: Term, scores: Array, targets: Array) -> tuple[float, float]:
    """Return the sum of the binary cross-entropies, and how many targets count."""
    check_sizes(term, scores.shape, targets.shape)
    wide, wanted = scores.reshape(-1).astype(np.float64), targets.reshape(-1).astype(np.float64)
    kept = wanted != IGNORED
    if term.ignore is not None:
        kept &= wanted != term.ignore
    losses = np.logaddexp(0, wide[kept]) - wide[kept] * wanted[kept]
    return float(losses.sum()), int(kept.sum())
