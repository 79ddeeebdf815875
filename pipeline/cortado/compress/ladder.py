"""The ladder: prune rung by rung, as long as the accuracy on validation images holds.

Each rung multiplies the density by a factor and retrains; the next rung starts from the model
that this one gave. Where the accuracy does not hold, the rung is taken back, and from then on
each factor is the square root of the one before: the ladder closes in on the lowest density
that holds, as bisection does.

    density   1 → 0.1 → 0.05 → … → d holds → d/2 does not → 0.71 d holds → 0.59 d → …
"""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from cortado.compress.options import CompressOptions, Effort
from cortado.data import Dataset
from cortado.describe import describe
from cortado.evaluate import Evaluation, evaluate
from cortado.model.selector import ALL, Assignment
from cortado.prune import PruneOptions
from cortado.retrain import Gradual, RetrainOptions, retrain
from cortado.steps import Progress, Steps

__all__ = ["Rung", "Task", "climb", "holding", "judge"]

_FIRST_FACTOR = 0.1
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
    """

    data: Dataset
    head: str | None
    options: CompressOptions
    effort: Effort

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
class Rung:
    """One model on the way.

    Attributes
    ----------
    stage : str
        What was done to it.
    model : onnx_ir.Model
        The model.
    density : float
        Fraction of its prunable weights that are not zero.
    val : Evaluation
        Its score on the validation images.
    holds : bool
        Whether its accuracy is at least the floor.
    """

    stage: str
    model: ir.Model
    density: float
    val: Evaluation
    holds: bool


def climb(task: Task, start: Rung, floor: float) -> Steps[list[Rung]]:
    """Return every rung that was tried, in order; the first is `start`.

    Parameters
    ----------
    task : Task
        What to train on, and how.
    start : Rung
        The model to prune.
    floor : float
        The least accuracy on the validation part.
    """
    rungs, factor = [start], _FIRST_FACTOR
    layers = len(describe(start.model).layers)
    weights = describe(start.model).total.weights
    failures = 0
    while failures < task.effort.failures and factor < _CLOSE_ENOUGH:
        best = holding(rungs)[-1]
        density = best.density * factor
        if density * weights < _FEWEST_WEIGHTS * layers:
            break
        rungs.append((yield from _rung(task, best, density, floor)))
        failures += not rungs[-1].holds
        factor = factor**0.5 if failures else _FACTOR
    return rungs


def holding(rungs: Sequence[Rung]) -> list[Rung]:
    """Return the rungs whose accuracy holds, the sparsest last."""
    return sorted((rung for rung in rungs if rung.holds), key=lambda rung: -rung.density)


def judge(task: Task, stage: str, model: ir.Model, floor: float) -> Steps[Rung]:
    """Evaluate a model on the validation images, and tell the user."""
    val = yield from evaluate(model, task.data.val, task.data.classes, task.head)
    rung = Rung(stage, model, describe(model).total.density, val, val.accuracy >= floor)
    verdict = "holds" if rung.holds else f"is below {floor:.4f}"
    line = f"{stage}: {rung.density:.2%} of weights, validation accuracy {val.accuracy:.4f}"
    yield Progress(stage, 1, 1, (), f"{line} {verdict}")
    return rung


def _rung(task: Task, start: Rung, density: float, floor: float) -> Steps[Rung]:
    gradual = Gradual((Assignment(ALL, 1 - density),), PruneOptions("lamp"), _RISE)
    training = task.training(task.effort.rung, task.options.lr)
    pruned = yield from retrain(start.model, task.data, training, task.head, gradual)
    return (yield from judge(task, f"prune to {density:.2%}", pruned.model, floor))
