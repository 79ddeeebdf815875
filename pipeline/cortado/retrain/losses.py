"""What training minimizes: cross-entropy, mixed with distillation where there is a teacher."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortado.data import Feed
from cortado.model.typing import FloatArray
from cortado.retrain.batches import to_tensor

__all__ = ["Objective", "Teacher"]


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

    def loss(self, logits: Tensor, pixels: FloatArray) -> Tensor:
        """Return T² · KL(teacher_T ‖ student_T), averaged over the batch."""
        with torch.no_grad():
            targets = self.module(to_tensor(pixels, self.feed, logits.device)).flatten(1)
        student = F.log_softmax(logits / self.temperature, dim=1)
        teacher = F.log_softmax(targets / self.temperature, dim=1)
        divergence = F.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return divergence * self.temperature**2


@dataclass(frozen=True)
class Objective:
    """The loss of one batch."""

    teacher: Teacher | None = None

    def __call__(self, logits: Tensor, labels: Tensor, pixels: FloatArray) -> Tensor:
        """Return the scalar loss for logits (n, classes) and labels (n,)."""
        loss = F.cross_entropy(logits, labels)
        if self.teacher is None:
            return loss
        weight = self.teacher.weight
        return (1 - weight) * loss + weight * self.teacher.loss(logits, pixels)
