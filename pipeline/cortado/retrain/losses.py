"""What training minimizes: the losses of a net, mixed with distillation where there is a teacher.

Each loss is Caffe's, a mean over the images of a batch (or what its normalization says), times its
weight; all are summed. Without losses of its own a model is trained with cross-entropy. Formulas
are those of `cortado.scoring.formulas`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortado.data import Feed
from cortado.errors import CortadoError
from cortado.model.typing import FloatArray
from cortado.retrain.batches import to_tensor
from cortado.scoring.formulas import LOG_THRESHOLD, check_shape
from cortado.task.criteria import Criterion
from cortado.task.transform import Views

__all__ = ["Objective", "Teacher", "loss_of"]


@dataclass(frozen=True)
class Teacher:
    """A network whose scores are learned.

    Attributes
    ----------
    module : torch.nn.Module
        Gives logits of shape (n, classes).
    feed : Feed
        How the teacher wants the images.
    temperature, weight : float
        See `Distillation`.
    """

    module: nn.Module
    feed: Feed
    temperature: float
    weight: float

    def loss(self, logits: Tensor, pixels: FloatArray, views: Views | None) -> Tensor:
        """Return T² · KL(teacher_T ‖ student_T), averaged over the batch."""
        with torch.no_grad():
            targets = self.module(to_tensor(self.feed(pixels, views), logits.device)).flatten(1)
        student = F.log_softmax(logits / self.temperature, dim=1)
        teacher = F.log_softmax(targets / self.temperature, dim=1)
        divergence = F.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return divergence * self.temperature**2


@dataclass(frozen=True)
class Objective:
    """The loss of one batch.

    Attributes
    ----------
    losses : sequence of Criterion
        What is summed; the first is the main one, whose scores learn from the teacher.
    teacher : Teacher or None
        Distillation, if any.
    """

    losses: Sequence[Criterion]
    teacher: Teacher | None = None

    @property
    def main(self) -> Criterion:
        """The loss whose scores tell how many images are correct."""
        return self.losses[0]

    def scores(self, module: nn.Module, inputs: Tensor) -> list[Tensor]:
        """Return what each loss compares with the labels, of shape (n, classes)."""
        outputs = module(inputs)
        scores = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        for criterion, each in zip(self.losses, scores, strict=True):
            check_shape(each.shape, criterion.scores)
        return [each.flatten(1) for each in scores]

    def __call__(
        self,
        scores: Sequence[Tensor],
        labels: Tensor,
        pixels: FloatArray,
        views: Views | None = None,
    ) -> Tensor:
        """Return the scalar loss for scores (n, classes) of each loss, and labels (n,)."""
        terms = [loss_of(c, each, labels) for c, each in zip(self.losses, scores, strict=True)]
        weighted = [
            term if c.weight == 1 else c.weight * term
            for c, term in zip(self.losses, terms, strict=True)
        ]
        loss = weighted[0]
        for term in weighted[1:]:
            loss = loss + term
        if self.teacher is None:
            return loss
        weight = self.teacher.weight
        return (1 - weight) * loss + weight * self.teacher.loss(scores[0], pixels, views)


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
    """Return the sum of a loss over images."""
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
