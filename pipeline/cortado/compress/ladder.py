"""The ladder: prune rung by rung, as long as the accuracy on validation images holds.

Each rung multiplies the density by a factor and retrains; the next rung starts from the model
that this one gave. Where the accuracy does not hold, the rung is taken back, and from then on
each factor is the square root of the one before: the ladder closes in on the lowest density
that holds, as bisection does.

    density   1 → 0.05 → 0.025 → … → d holds → d/2 does not → 0.71 d holds → 0.59 d → …
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.compress.options import CompressOptions, Effort
from cortado.data import Dataset
from cortado.evaluate import Evaluation, evaluate
from cortado.model.layers import find_layers
from cortado.model.selector import ALL, Assignment
from cortado.prune import PruneOptions
from cortado.retrain import Distillation, Gradual, RetrainOptions, retrain
from cortado.steps import Progress, Steps

__all__ = ["Stage", "Task", "climb", "holding", "judge"]

_FIRST_FACTOR = 0.05
_FACTOR = 0.5
_CLOSE_ENOUGH = 0.9  # a rung that cuts less than a tenth is not worth its epochs
_RISE = 0.4  # part of a rung during which the sparsity rises
_FEWEST_WEIGHTS = 10  # a layer of the model, on average, keeps at least so many


@dataclass(frozen=True)
class Task:
    """What is compressed, on what, and how.

    Attributes
    ----------
    data : Dataset
        Trained on the training part; judged on the validation part.
    head : str or None
        The output that is trained and scored.
    options : CompressOptions
        What the user asks for.
    effort : Effort
        Epochs for each part of the work.
    distillation : Distillation or None
        The teacher: the retrained dense model, once there is one.
    """

    data: Dataset
    head: str | None
    options: CompressOptions
    effort: Effort
    distillation: Distillation | None = None

    def training(self, epochs: int, lr: float) -> RetrainOptions:
        """Return the options of one training run."""
        steps = max(1, len(self.data.train) // self.options.batch)
        return RetrainOptions(
            epochs=max(epochs, -(-self.effort.least_steps // steps)),
            batch=self.options.batch,
            lr=lr,
            rate="one-cycle",
            shift=self.options.shift,
            device=self.options.device,
            seed=self.options.seed,
        )


@dataclass(frozen=True)
class Stage:
    """One model on the way.

    Attributes
    ----------
    name : str
        What was done to it.
    model : onnx_ir.Model
        The model.
    density : float
        Fraction of its prunable weights that are not zero.
    val : Evaluation
        Its score on the validation images.
    holds : bool or None
        Whether its accuracy is at least the floor; None where there was no floor yet.
    """

    name: str
    model: ir.Model
    density: float
    val: Evaluation
    holds: bool | None


def climb(task: Task, start: Stage, floor: float) -> Steps[list[Stage]]:
    """Return every rung that was tried, in order; the first is `start`, which must hold.

    Parameters
    ----------
    task : Task
        What to train on, and how.
    start : Stage
        The model to prune.
    floor : float
        The least accuracy on the validation part.
    """
    rungs, factor = [start], _FIRST_FACTOR
    layers = find_layers(start.model).prunable
    fewest = _FEWEST_WEIGHTS * len(layers) / sum(layer.array.size for layer in layers)
    failures = 0
    while failures < task.effort.failures and factor < _CLOSE_ENOUGH:
        best = holding(rungs)[-1]
        density = best.density * factor
        if density < fewest:
            factor = factor**0.5
            continue
        rungs.append((yield from _rung(task, best, density, floor)))
        failures += not rungs[-1].holds
        factor = factor**0.5 if failures else _FACTOR
    return rungs


def holding(rungs: Sequence[Stage]) -> list[Stage]:
    """Return the rungs whose accuracy holds, the sparsest last."""
    return sorted((rung for rung in rungs if rung.holds), key=lambda rung: -rung.density)


def judge(task: Task, name: str, model: ir.Model, floor: float | None) -> Steps[Stage]:
    """Evaluate a model on the validation images, and tell the user whether it holds."""
    val = yield from evaluate(model, task.data.val, task.data.classes, task.head)
    holds = None if floor is None else val.accuracy >= floor
    stage = Stage(name, model, _density(model), val, holds)
    line = f"{name}: {stage.density:.2%} of weights, validation accuracy {val.accuracy:.4f}"
    verdict = {None: "", True: " holds", False: f" is below {floor or 0:.4f}"}[holds]
    yield Progress(name, 1, 1, (), line + verdict)
    return stage


def _rung(task: Task, start: Stage, density: float, floor: float) -> Steps[Stage]:
    gradual = Gradual((Assignment(ALL, 1 - density),), PruneOptions("lamp"), _RISE)
    training = task.training(task.effort.rung, task.options.lr)
    pruned = yield from retrain(
        start.model, task.data, training, task.head, gradual, task.distillation
    )
    return (yield from judge(task, f"prune to {density:.2%}", pruned.model, floor))


def _density(model: ir.Model) -> float:
    arrays = [layer.array for layer in find_layers(model).prunable]
    return sum(np.count_nonzero(array) for array in arrays) / sum(array.size for array in arrays)
