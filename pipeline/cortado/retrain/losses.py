"""The losses of `cortado.scoring.losses` in PyTorch: scores and targets → a scalar.

Each is the mean over the samples of a batch, or what Caffe's normalization says, without the
weight of its term.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from cortado.built_in import LOSSES, load_torch
from cortado.errors import CortadoError
from cortado.scoring.formulas import LOG_THRESHOLD
from cortado.scoring.losses import Term, Total
from cortado.scoring.losses import register_loss as register_total
from cortado.scoring.losses.classes import class_axis_of
from cortado.scoring.losses.term import check_sizes
from cortado.scoring.losses.text import check_steps
from cortado.scoring.metrics.class_rows import IGNORED
from cortado.task.criteria import Criterion

__all__ = [
    "TorchLoss",
    "absolute_error",
    "bce",
    "caffe_loss",
    "compute",
    "connectionist",
    "cross_entropy",
    "loss_of",
    "register_loss",
    "squared_error",
    "torch_names",
]

TorchLoss: TypeAlias = Callable[[Term, Tensor, Tensor], Tensor]
"""Returns the scalar loss of a batch, given scores (n, …) and targets (n, …)."""


def compute(term: Term, scores: Tensor, targets: Tensor) -> Tensor:
    """Return a loss that has a name, without its weight, for scores and targets of shape (n, …)."""
    return _LOSSES[term.loss](term, scores, targets)


def torch_names() -> list[str]:
    """Return the names of all losses."""
    return list(_LOSSES)


def register_loss(name: str, total: Total, loss: TorchLoss) -> None:
    """Add a loss under a name, which ``--loss`` then takes.

    Parameters
    ----------
    name : str
        The name.
    total : callable
        The loss in numpy: a sum over samples, and what to divide it by.
    loss : callable
        The loss in PyTorch: the same, divided.
    """
    register_total(name, total)
    _LOSSES[name] = loss


def cross_entropy(term: Term, scores: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of labels, of samples, positions or pixels."""
    axis = class_axis_of(term, tuple(scores.shape), tuple(labels.shape))
    if labels.ndim == 1 and term.ignore is None:
        return F.cross_entropy(scores.flatten(1), labels)
    if term.ignore is not None:
        labels = labels.masked_fill(labels == term.ignore, IGNORED)
    first = scores.flatten(1) if labels.ndim == 1 else scores.movedim(axis, 1)
    total = F.cross_entropy(first, labels, reduction="sum", ignore_index=IGNORED)
    return total / (labels != IGNORED).sum().clamp_min(1)


def bce(term: Term, scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of logits."""
    check_sizes(term, tuple(scores.shape), tuple(targets.shape))
    counted = targets != IGNORED
    if term.ignore is not None:
        counted &= targets != term.ignore
    wanted = targets.to(scores.dtype).where(counted, 0)
    found = scores.reshape(targets.shape)
    losses = F.binary_cross_entropy_with_logits(found, wanted, reduction="none")
    return losses.where(counted, 0).sum() / counted.sum().clamp_min(1)


def squared_error(term: Term, scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error."""
    check_sizes(term, tuple(scores.shape), tuple(targets.shape))
    return F.mse_loss(scores.reshape(targets.shape), targets.to(scores.dtype))


def absolute_error(term: Term, scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error."""
    check_sizes(term, tuple(scores.shape), tuple(targets.shape))
    return F.l1_loss(scores.reshape(targets.shape), targets.to(scores.dtype))


def connectionist(term: Term, scores: Tensor, classes: Tensor) -> Tensor:
    """Return CTC for scores (n, steps, classes) and rows of classes, filled up with 0 or less."""
    check_steps(term, tuple(scores.shape))
    logs = F.log_softmax(scores, dim=2).transpose(0, 1)
    is_character = classes > 0
    lengths = is_character.sum(dim=1)
    steps = torch.full_like(lengths, scores.shape[1])
    return F.ctc_loss(logs, classes[is_character], steps, lengths, zero_infinity=True)


def caffe_loss(term: Term, scores: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of Caffe that a net was trained with."""
    assert term.criterion is not None  # whoever made the term saw to it
    return loss_of(term.criterion, scores.flatten(1), labels)


def loss_of(criterion: Criterion, scores: Tensor, labels: Tensor) -> Tensor:
    """Return a loss of Caffe, without its weight, for scores (n, k) and labels (n,)."""
    if criterion.kind == "SoftmaxWithLoss" and criterion.ignore is None:
        if criterion.normalization != "NONE":
            return F.cross_entropy(scores, labels)
        return F.cross_entropy(scores, labels, reduction="sum")
    count = len(labels)
    if criterion.ignore is not None:
        counted = labels != criterion.ignore
        scores, labels = scores[counted], labels[counted]
        count = max(1, len(labels)) if criterion.normalization == "VALID" else count
    total = _total(criterion, scores, labels)
    return total if criterion.normalization == "NONE" else total / count


def _total(criterion: Criterion, scores: Tensor, labels: Tensor) -> Tensor:
    """Return the sum of a loss over samples."""
    if criterion.kind == "SoftmaxWithLoss":
        return F.cross_entropy(scores, labels, reduction="sum")
    if criterion.kind == "SigmoidCrossEntropyLoss":
        targets = labels[:, None].to(scores.dtype)
        return F.binary_cross_entropy_with_logits(scores, targets, reduction="sum")
    if criterion.kind == "EuclideanLoss":
        return (scores - labels[:, None]).square().sum() / 2
    if criterion.kind == "MultinomialLogisticLoss":
        own = scores.gather(1, labels[:, None])
        clamped = own + (own.clamp_min(LOG_THRESHOLD) - own).detach()  # still moved by gradients
        return -clamped.log().sum()
    if criterion.kind == "HingeLoss":
        signs = 1 - 2 * F.one_hot(labels, scores.shape[1]).to(scores.dtype)
        margins = (1 + signs * scores).clamp_min(0)
        return margins.sum() if criterion.norm == "L1" else margins.square().sum()
    raise CortadoError(f"layer {criterion.name!r} ({criterion.kind}) is no loss that trains")


_LOSSES: dict[str, TorchLoss] = {each.name: load_torch(each) for each in LOSSES}
