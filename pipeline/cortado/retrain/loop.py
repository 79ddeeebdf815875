"""The training loop: one epoch, and a pass over images that only measures.

Each step is forward, backward, gradients to the constraints, optimizer, weights back where
they may be. Nothing else happens in a step, so that it costs what plain training costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import fx, nn

from cortado.data import Feed, Samples
from cortado.errors import CortadoError
from cortado.evaluate import count_correct, cross_entropy
from cortado.retrain.batches import epoch_batches, to_tensor
from cortado.retrain.constraints import Constraint
from cortado.retrain.gradual import GradualPruning
from cortado.retrain.losses import Objective
from cortado.retrain.options import RetrainOptions
from cortado.retrain.rates import rate_factor
from cortado.steps import Progress, Steps

__all__ = ["Loop", "Measured", "make_optimizer"]

_REPORT_EVERY = 10
_MEASURE_BATCH = 500


@dataclass(frozen=True)
class Measured:
    """Mean loss in nats and fraction of correct images."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Loop:
    """Everything that a step of training needs.

    Attributes
    ----------
    module : torch.fx.GraphModule
        Gives logits of shape (n, classes).
    feed : Feed
        How the module wants its images.
    constraints : sequence of Constraint
        Where weights may be.
    objective : Objective
        What is minimized.
    optimizer : torch.optim.Optimizer
        Moves the parameters of the constraints, and those without one.
    pruning : GradualPruning or None
        Shrinks masks along the way.
    options : RetrainOptions
        Batches and rates.
    device : torch.device
        Where the module is.
    """

    module: fx.GraphModule
    feed: Feed
    constraints: Sequence[Constraint]
    objective: Objective
    optimizer: torch.optim.Optimizer
    pruning: GradualPruning | None
    options: RetrainOptions
    device: torch.device

    def epoch(
        self, samples: Samples, number: int, generator: np.random.Generator
    ) -> Steps[Measured]:
        """Train on every image once; `number` counts epochs from 0.

        Loss and accuracy are means over every tenth batch: to read them costs time on a GPU.
        """
        per_epoch = max(1, len(samples) // self.options.batch)
        steps = per_epoch * self.options.epochs
        stage = f"epoch {number + 1}/{self.options.epochs}"
        losses, hits, seen = 0.0, 0.0, 0
        self.module.train()
        batches = epoch_batches(samples, self.options.batch, self.options.shift, generator)
        for index, (pixels, labels) in enumerate(batches):
            self._set_moment(number * per_epoch + index, steps)
            inputs = to_tensor(pixels, self.feed, self.device)
            labels = labels.to(self.device)
            logits = self.module(inputs).flatten(1)
            batch_loss = self.objective(logits, labels, pixels)
            self._step(batch_loss)
            if index % _REPORT_EVERY == 0 or index == per_epoch - 1:
                losses += float(batch_loss.detach())
                hits += float((logits.argmax(1) == labels).float().mean())
                seen += 1
                if not np.isfinite(losses):
                    raise CortadoError(f"training diverged in {stage}: try a smaller --lr")
                figures = (("loss", losses / seen), ("accuracy", hits / seen))
                yield Progress(stage, index + 1, per_epoch, figures)
        self.check()
        return Measured(losses / seen, hits / seen)

    def measure(self, samples: Samples, stage: str) -> Steps[Measured]:
        """Return loss and accuracy on `samples` without training."""
        self.module.eval()
        loss, correct = 0.0, 0
        for begin in range(0, len(samples), _MEASURE_BATCH):
            pixels, labels = samples.take(
                np.arange(begin, min(begin + _MEASURE_BATCH, len(samples)))
            )
            with torch.inference_mode():
                logits = self.module(to_tensor(pixels, self.feed, self.device)).flatten(1)
            scores = logits.cpu().numpy()
            loss += float(cross_entropy(scores, labels, "none").sum())
            correct += count_correct(scores, labels)
            yield Progress(stage, begin + len(labels), len(samples))
        return Measured(loss / len(samples), correct / len(samples))

    def check(self) -> None:
        """Raise `CortadoError` if a zero or a shared value did not stay."""
        for constraint in self.constraints:
            constraint.check()

    def _set_moment(self, step: int, steps: int) -> None:
        rate = self.options.peak_lr * rate_factor(self.options.rate, step / steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.pruning is not None:
            self.pruning.update(step, steps)

    def _step(self, loss: torch.Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        for constraint in self.constraints:
            constraint.after_backward()
        self.optimizer.step()
        for constraint in self.constraints:
            constraint.after_step()


def make_optimizer(
    module: nn.Module, constraints: Sequence[Constraint], options: RetrainOptions
) -> torch.optim.Optimizer:
    """Return an optimizer of the constraints' parameters and of all that no constraint holds.

    Parameters
    ----------
    module : torch.nn.Module
        Whose parameters are trained.
    constraints, options
        As in `Loop`.
    """
    held = {id(constraint.weight) for constraint in constraints}
    free = [p for p in module.parameters() if p.requires_grad and id(p) not in held]
    parameters = [p for constraint in constraints for p in constraint.parameters()] + free
    decay = options.weight_decay
    if options.optimizer == "adam":
        return torch.optim.Adam(parameters, options.peak_lr, weight_decay=decay, fused=True)
    momentum = options.momentum
    return torch.optim.SGD(
        parameters, options.peak_lr, momentum=momentum, weight_decay=decay, fused=True
    )
