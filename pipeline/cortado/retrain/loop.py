"""The training loop: one epoch, and a pass over images that only measures.

Each step is forward, backward, gradients to the constraints, optimizer, weights back where
they may be. Nothing else happens in a step, so that it costs what plain training costs.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, fx, nn

from cortado.data import Feed, Samples, feed_batches
from cortado.errors import CortadoError
from cortado.model.typing import FloatArray, IntArray
from cortado.progress import Progress, Steps
from cortado.retrain.batches import epoch_batches, to_tensor
from cortado.retrain.caffe_solver import CaffeSolver, find_trained
from cortado.retrain.constraints import Constraint
from cortado.retrain.gradual import GradualPruning
from cortado.retrain.losses import Objective
from cortado.retrain.options import RetrainOptions
from cortado.retrain.plan import Plan
from cortado.retrain.rates import learning_rate
from cortado.scoring.formulas import count_correct, score
from cortado.task.criteria import Criterion

__all__ = ["Loop", "Measured", "make_optimizer"]

_REPORT_EVERY = 10
_MEASURE_BATCH = 500


@dataclass(frozen=True)
class Measured:
    """Mean loss in nats and fraction of correct images."""

    loss: float
    accuracy: float


class Mover(Protocol):
    """What turns gradients into steps: an optimizer of PyTorch, or a solver of Caffe."""

    param_groups: list[dict[str, Any]]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        ...

    def step(self) -> Any:
        """Move the parameters."""
        ...


@dataclass(frozen=True)
class Loop:
    """Everything that a step of training needs.

    Attributes
    ----------
    module : torch.fx.GraphModule
        Gives the scores of each loss, of shape (n, classes).
    feed : Feed
        How the module wants its images.
    constraints : sequence of Constraint
        Where weights may be.
    objective : Objective
        What is minimized.
    optimizer : Mover
        Moves the parameters of the constraints, and those without one.
    pruning : GradualPruning or None
        Shrinks masks along the way.
    options : RetrainOptions
        Batches and rates.
    device : torch.device
        Where the module is.
    plan : Plan
        How many steps it takes.
    """

    module: fx.GraphModule
    feed: Feed
    constraints: Sequence[Constraint]
    objective: Objective
    optimizer: Mover
    pruning: GradualPruning | None
    options: RetrainOptions
    device: torch.device
    plan: Plan

    def epoch(
        self, samples: Samples, number: int, generator: np.random.Generator
    ) -> Steps[Measured]:
        """Train on every image once; `number` counts epochs from 0.

        Loss and accuracy are means over every tenth batch: to read them costs time on a GPU.
        """
        steps = min(self.plan.steps_in(number), Plan.of(len(samples), self.options).per_epoch)
        stage = f"epoch {number + 1}/{self.plan.epochs}"
        losses, hits, seen = 0.0, 0.0, 0
        self.module.train()
        batches = epoch_batches(samples, self.options.batch, self.options.shift, generator)
        for index in range(steps):
            self._set_moment(number * self.plan.per_epoch + index)
            last = self._step(itertools.islice(batches, self.plan.batches), generator)
            if index % _REPORT_EVERY == 0 or index == steps - 1:
                losses += float(last.loss)
                hits += float(_fraction_correct(self.objective.main, last.scores, last.labels))
                seen += 1
                if not np.isfinite(losses):
                    raise CortadoError(f"training diverged in {stage}: try a smaller --lr")
                figures = (("loss", losses / seen), ("accuracy", hits / seen))
                yield Progress(stage, index + 1, steps, figures)
        self.check()
        return Measured(losses / seen, hits / seen)

    def measure(self, samples: Samples, stage: str) -> Steps[Measured]:
        """Return loss and accuracy on `samples` without training."""
        self.module.eval()
        totals = np.zeros((len(self.objective.losses), 2))  # a sum and its divisor, each
        correct = np.zeros(2)
        feed = replace(self.feed, batch=None)  # the module takes any number of images
        for inputs, labels, indices in feed_batches(feed, samples, _MEASURE_BATCH):
            with torch.inference_mode():
                scores = self.objective.scores(self.module, to_tensor(inputs, self.device))
            arrays = [each.cpu().numpy() for each in scores]
            totals += [
                score(c, x, labels) for c, x in zip(self.objective.losses, arrays, strict=True)
            ]
            correct += self._correct(arrays[0], labels)
            yield Progress(stage, int(indices[-1]) + 1, len(samples))
        weights = [criterion.weight for criterion in self.objective.losses]
        loss = float(np.dot(weights, totals[:, 0] / np.maximum(totals[:, 1], 1)))
        return Measured(loss, float(correct[0] / correct[1]) if correct[1] else math.nan)

    def _correct(self, scores: FloatArray, labels: IntArray) -> tuple[int, int]:
        """Return how many images are correct, of how many that count."""
        main = self.objective.main
        if not main.is_classifying:
            return 0, 0
        counted = main.counts(labels)
        return count_correct(scores[counted], labels[counted]), int(counted.sum())

    def check(self) -> None:
        """Raise `CortadoError` if a zero or a shared value did not stay."""
        for constraint in self.constraints:
            constraint.check()

    def _set_moment(self, step: int) -> None:
        rate = learning_rate(self.options, step, self.plan.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.pruning is not None:
            self.pruning.update(step, self.plan.steps)

    def _step(
        self, batches: Iterable[tuple[FloatArray, Tensor]], generator: np.random.Generator
    ) -> "_Batch":
        """Take one step, and return what its last batch gave."""
        self.optimizer.zero_grad()
        for pixels, labels in batches:
            views = self.feed.transform.draw(pixels, generator)
            inputs = to_tensor(self.feed(pixels, views), self.device)
            labels = labels.to(self.device)
            scores = self.objective.scores(self.module, inputs)
            loss = self.objective(scores, labels, pixels, views)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        for constraint in self.constraints:
            constraint.after_backward()
        self.optimizer.step()
        for constraint in self.constraints:
            constraint.after_step()
        return _Batch(loss.detach(), scores[0].detach(), labels)


class _Batch(NamedTuple):
    loss: Tensor
    scores: Tensor  # of the main loss, of shape (n, classes)
    labels: Tensor


def _fraction_correct(main: Criterion, scores: Tensor, labels: Tensor) -> Tensor:
    """Return the fraction of images that score highest at their label; NaN without classes."""
    correct = scores.argmax(1) == labels
    if main.ignore is not None:
        correct = correct[labels != main.ignore]
    return (correct if main.is_classifying else correct[:0]).float().mean()


def make_optimizer(
    named: Mapping[str, nn.Parameter], constraints: Sequence[Constraint], options: RetrainOptions
) -> Mover:
    """Return an optimizer of the constraints' parameters and of all that no constraint holds.

    Parameters
    ----------
    named : mapping of str to torch.nn.Parameter
        Initializer name → what is trained.
    constraints, options
        As in `Loop`.
    """
    if options.solver is not None:
        return CaffeSolver(find_trained(named, constraints, options.solver), options.solver)
    held = {id(constraint.weight) for constraint in constraints}
    free = [p for p in named.values() if id(p) not in held]
    parameters = [p for constraint in constraints for p in constraint.parameters()] + free
    decay = options.weight_decay
    if options.optimizer == "adam":
        return torch.optim.Adam(parameters, options.peak_lr, weight_decay=decay, fused=True)
    momentum = options.momentum
    return torch.optim.SGD(
        parameters, options.peak_lr, momentum=momentum, weight_decay=decay, fused=True
    )
