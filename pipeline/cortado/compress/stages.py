"""What is compressed, and the models on the way, each judged on validation images."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.compress.options import CompressOptions, Effort
from cortado.data import Dataset
from cortado.evaluate import Evaluation, evaluate
from cortado.model.layers import find_layers
from cortado.retrain import Distillation, RetrainOptions
from cortado.steps import Progress, Steps

__all__ = ["Stage", "Task", "judge"]


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


def judge(task: Task, name: str, model: ir.Model, floor: float | None) -> Steps[Stage]:
    """Evaluate a model on the validation images, and tell the user whether it holds."""
    val = yield from evaluate(model, task.data.val, task.data.classes, task.head)
    holds = None if floor is None else val.accuracy >= floor
    stage = Stage(name, model, _density(model), val, holds)
    line = f"{name}: {stage.density:.2%} of weights, validation accuracy {val.accuracy:.4f}"
    verdict = {None: "", True: " holds", False: f" is below {floor or 0:.4f}"}[holds]
    yield Progress(name, 1, 1, (), line + verdict)
    return stage


def _density(model: ir.Model) -> float:
    arrays = [layer.array for layer in find_layers(model).prunable]
    return sum(np.count_nonzero(array) for array in arrays) / sum(array.size for array in arrays)
