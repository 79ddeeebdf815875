"""The training loop: one epoch, and a pass over samples that only measures.

Each step is forward, backward, gradients to the constraints, optimizer, weights back where
they may be. Nothing else happens in a step, so that it costs what plain training costs.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, fx, nn

from cortado.data import Batch, Feed, Samples
from cortado.data.batches import index_batches
from cortado.errors import CortadoError
from cortado.model.typing import Array, FloatArray
from cortado.progress import Progress, Steps
from cortado.retrain.caffe_solver import CaffeSolver, find_trained
from cortado.retrain.constraints import Constraint
from cortado.retrain.gradual import GradualPruning
from cortado.retrain.objective import Objective
from cortado.retrain.options import RetrainOptions
from cortado.retrain.rates import learning_rate
from cortado.retrain.schedule import Schedule
from cortado.retrain.totals import Totals
from cortado.retrain.training_batches import epoch_batches, to_tensors
from cortado.scoring.gathered import Gathered
from cortado.scoring.metrics import Outputs
from cortado.scoring.references import References
from cortado.scoring.task import Task
from cortado.task.transform import Views

__all__ = ["Loop", "MeanScores", "make_optimizer"]

_REPORT_EVERY = 10
_MEASURE_BATCH = 500


@dataclass(frozen=True)
class MeanScores:
    """The mean loss, and the metric of the task; NaN where it was not measured."""

    loss: float
    value: float


class Mover(Protocol):
    """The object that turns gradients into steps: an optimizer of PyTorch, or a solver of Caffe."""

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
        Gives the values of the objective, each of shape (n, …).
    task : Task
        The metric, and the targets of outputs.
    feed : Feed
        How the module wants its samples: any number of them.
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
    schedule : Schedule
        How many steps it takes.
    """

    module: fx.GraphModule
    task: Task
    feed: Feed
    constraints: Sequence[Constraint]
    objective: Objective
    optimizer: Mover
    pruning: GradualPruning | None
    options: RetrainOptions
    device: torch.device
    schedule: Schedule

    def epoch(
        self, samples: Samples, number: int, generator: np.random.Generator
    ) -> Steps[MeanScores]:
        """Train on every sample once; `number` counts epochs from 0.

        Loss and metric are those of every tenth batch: to read them costs time on a GPU. A metric
        that compares with the dense model is not measured, as batches are shifted at random.
        """
        steps = min(self.schedule.steps_in(number), Schedule.of(samples, self.options).per_epoch)
        stage = f"epoch {number + 1}/{self.schedule.epochs}"
        losses, parts, seen = 0.0, Gathered(len(samples)), 0
        self.module.train()
        batches = epoch_batches(
            samples, self.options.batch, self.options.shift, generator, self._image(samples)
        )
        for index in range(steps):
            self._set_moment(number * self.schedule.per_epoch + index)
            last = self._step(itertools.islice(batches, self.schedule.batches), generator)
            if index % _REPORT_EVERY == 0 or index == steps - 1:
                losses += float(last.loss)
                seen += 1
                if not np.isfinite(losses):
                    raise CortadoError(f"training diverged in {stage}: try a smaller --lr")
                if self.task.against == "targets":
                    parts.add(self._parts(last.found, last.targets or {}))
                yield Progress(stage, index + 1, steps, self._figures(losses / seen, parts))
        self.check()
        return MeanScores(losses / seen, self._value(parts))

    def measure(self, samples: Samples, references: References, stage: str) -> Steps[MeanScores]:
        """Return loss and metric on `samples` without training.

        Parameters
        ----------
        samples : Samples
            What is measured.
        references : References
            What the dense model gives for them, for metrics that compare with it.
        stage : str
            What progress calls it.
        """
        self.module.eval()
        totals, parts = Totals(self.objective), Gathered(len(samples))
        size = 1 if self.options.batch == 1 else _MEASURE_BATCH
        for indices in index_batches(samples, size):
            batch = samples.take(indices)
            with torch.inference_mode():
                found = self._run(batch, None)
                targets = self.task.targets_of(batch.targets)
                totals.add(found, targets, batch, len(indices))
            compared = self.task.against == "reference"
            wanted: Outputs = references.of(indices) if compared else targets or {}
            parts.add(self._parts(found, wanted))
            yield Progress(stage, len(parts), len(samples))
        return MeanScores(totals.loss, self._value(parts))

    def check(self) -> None:
        """Raise `CortadoError` if a zero or a shared value did not stay."""
        for constraint in self.constraints:
            constraint.check()

    def _image(self, samples: Samples) -> str | None:
        """Return the name under which samples have the pixels, if there are any."""
        pixels = self.feed.pixels
        if pixels is None:
            return None
        return self.feed.sources(samples.take(np.zeros(1, np.int64)).inputs)[pixels.name]

    def _set_moment(self, step: int) -> None:
        rate = learning_rate(self.options, step, self.schedule.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.pruning is not None:
            self.pruning.update(step, self.schedule.steps)

    def _step(self, batches: Iterable[Batch], generator: np.random.Generator) -> "_Answer":
        """Take one step, and return what its last batch gave."""
        self.optimizer.zero_grad()
        for batch in batches:
            views = self._draw(batch, generator)
            targets = self.task.targets_of(batch.targets)
            found = self._run(batch, views)
            loss = self.objective(found, targets, batch, views)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        for constraint in self.constraints:
            constraint.after_backward()
        self.optimizer.step()
        for constraint in self.constraints:
            constraint.after_step()
        kept = {name: found[name].detach() for name in self.task.names}
        return _Answer(loss.detach(), kept, targets)

    def _draw(self, batch: Batch, generator: np.random.Generator) -> Views | None:
        """Return the parts of the images that are seen, where the model crops them."""
        pixels, transform = self.feed.pixels, self.feed.transform
        if pixels is None or not (transform.crop or transform.mirror):
            return None
        image = batch.inputs[self.feed.sources(batch.inputs)[pixels.name]]
        return transform.draw(image, generator)

    def _run(self, batch: Batch, views: Views | None) -> dict[str, Tensor]:
        inputs = to_tensors(self.feed(batch, views), self.device)
        return self.objective.run(self.module, inputs)

    def _parts(self, found: Mapping[str, Tensor], wanted: Outputs) -> FloatArray:
        """Return the statistics of the metric for a batch."""
        arrays: dict[str, Array] = {
            name: found[name].detach().cpu().numpy() for name in self.task.names
        }
        return self.task.metric.parts(arrays, wanted)

    def _value(self, parts: Gathered) -> float:
        return self.task.metric.value(parts.rows) if len(parts) else math.nan

    def _figures(self, loss: float, parts: Gathered) -> tuple[tuple[str, float], ...]:
        named = (("loss", loss), (self.task.metric.name, self._value(parts)))
        return named if len(parts) else named[:1]


class _Answer(NamedTuple):
    loss: Tensor
    found: dict[str, Tensor]
    targets: dict[str, Array] | None


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
