"""Losses of Caffe's types, for one label a sample."""

from cortado.model.typing import Array
from cortado.scoring.formulas import score
from cortado.scoring.losses.term import Term

__all__ = ["caffe_loss"]


def caffe_loss(term: Term, scores: Array, labels: Array) -> tuple[float, float]:
    """Return the sum of the loss that a net was trained with, and what to divide it by."""
    assert term.criterion is not None  # whoever made the term saw to it
    return score(term.criterion, scores, labels)
