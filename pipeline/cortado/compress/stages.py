"""What is compressed, and the models on the way, each judged on validation images."""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from cortado.compress.options import CompressOptions, Effort
from cortado.data import Dataset, subset
from cortado.emit import emit
from cortado.model.layers.prunable import find_layers
from cortado.progress import Progress, Steps
from cortado.retrain import Distillation, RetrainOptions
from cortado.scoring.evaluate import Evaluation, evaluate
from cortado.sensitivity import Images

__all__ = ["Stage", "Task", "file_size", "judge", "measured"]


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

    @property
    def swept(self) -> Images:
        """The validation images that a sweep measures its points on."""
        samples = subset(self.data.val, self.effort.images)
        return Images(samples, self.data.classes, self.head)

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
            runtime=self.options.runtime,
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
        Whether it loses no more than it may; None where nothing was asked yet.
    """

    name: str
    model: ir.Model
    density: float
    val: Evaluation
    holds: bool | None

    def told(self, verdict: str) -> Progress:
        """Return a message about the model that ends in a verdict."""
        about = f"{self.density:.2%} of weights, validation accuracy {self.val.accuracy:.4f}"
        return Progress(self.name, 1, 1, (), f"{self.name}: {about}{verdict}")


def judge(task: Task, name: str, model: ir.Model, floor: float | None) -> Steps[Stage]:
    """Evaluate a model on the validation images, and tell whether it reaches the floor."""
    stage = yield from measured(task, name, model, holds=None)
    if floor is not None:
        stage = replace(stage, holds=stage.val.accuracy >= floor)
    verdict = {None: "", True: " holds", False: f" is below {floor or 0:.4f}"}[stage.holds]
    yield stage.told(verdict)
    return stage


def measured(task: Task, name: str, model: ir.Model, *, holds: bool | None) -> Steps[Stage]:
    """Evaluate a model on the validation images; others know whether it holds."""
    data, runtime = task.data, task.options.runtime
    val = yield from evaluate(model, data.val, data.classes, task.head, runtime)
    return Stage(name, model, _density(model), val, holds)


def file_size(task: Task, stage: Stage) -> int:
    """Return the bytes of the file that a model would be."""
    return len(emit(stage.model, task.options.storage).data)


def _density(model: ir.Model) -> float:
    arrays = [layer.array for layer in find_layers(model).prunable]
    return sum(np.count_nonzero(array) for array in arrays) / sum(array.size for array in arrays)
