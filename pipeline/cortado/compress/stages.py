"""The job of a compression, and its intermediate models, each judged on validation samples."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from cortado.compress.options import CompressOptions, Effort
from cortado.data import subset
from cortado.emit import Emitted, encode
from cortado.errors import LimitNotMetError, UsageError
from cortado.model.layers.prunable import find_layers
from cortado.progress import Progress, Steps
from cortado.retrain import Distillation, RetrainOptions
from cortado.scoring.judge import Judge, ScoredSamples
from cortado.scoring.limit import is_within
from cortado.scoring.metrics import Metric
from cortado.scoring.task import Task
from cortado.sensitivity import Swept

__all__ = ["Compression", "Files", "Stage", "judge_stage"]


class Files:
    """The files that models would be; each model is encoded once, and not yet checked.

    Parameters
    ----------
    storage : str
        The codec.
    """

    def __init__(self, storage: str = "coded") -> None:
        self._storage = storage
        self._known: dict[int, tuple[ir.Model, Emitted]] = {}  # a model that is kept keeps its id

    def of(self, model: ir.Model) -> Emitted:
        """Return the file of a model."""
        if id(model) not in self._known:
            self._known[id(model)] = model, encode(model, self._storage)
        return self._known[id(model)][1]


@dataclass(frozen=True)
class Compression:
    """The job: a model, samples and options.

    Attributes
    ----------
    task : Task
        Bound to the dense model. Models are trained on the training part of its data and judged on
        the validation part.
    options : CompressOptions
        What the user asks for.
    effort : Effort
        Epochs for each part of the work.
    referee : Judge
        Compares models with the dense one on the validation part.
    files : Files
        What models would be as files.
    max_drop : float
        How much worse the metric may become; infinite where a floor takes its place.
    distillation : Distillation or None
        The teacher, once there is one: the retrained dense model, without labels the dense one.
    """

    task: Task
    options: CompressOptions
    effort: Effort
    referee: Judge
    files: Files
    max_drop: float
    distillation: Distillation | None = None

    @classmethod
    def of(cls, task: Task, options: CompressOptions, effort: Effort) -> "Compression":
        """Begin a compression of the model that a task is bound to.

        Raises
        ------
        UsageError
            If the user does not say how much worse the metric may become, and no number is usual.
        """
        judge, allowed = Judge(task, task.data.val), _allowed_drop(task.metric, options)
        return cls(task, options, effort, judge, Files(options.storage), allowed)

    @property
    def swept(self) -> Swept:
        """The validation samples that a sweep measures its points on."""
        return Swept(self.task, subset(self.task.data.val, self.effort.images))

    def training(self, epochs: int, lr: float) -> RetrainOptions:
        """Return the options of one training run."""
        steps = max(1, len(self.task.data.train) // self.options.batch)
        return RetrainOptions(
            epochs=max(epochs, -(-self.effort.least_steps // steps)),
            batch=self.options.batch,
            lr=lr,
            rate="one-cycle",
            shift=self.options.shift,
            device=self.options.device,
            seed=self.options.seed,
        )

    def stage(
        self, name: str, model: ir.Model, holds: Callable[[ScoredSamples], bool] | None = None
    ) -> Steps["Stage"]:
        """Score a model on the validation samples; `holds` judges the score."""
        val = yield from self.referee.steps(model)
        verdict = None if holds is None else holds(val)
        return Stage(name, model, _density(model), val, self.files, verdict)

    def reaches(self, scored: ScoredSamples, floor: float) -> bool:
        """Return whether a score is at least as good as a value of the metric."""
        better = self.task.metric.higher_is_better
        return is_within(scored.value, floor, higher_is_better=better)

    def floor_from(self, value: float) -> float:
        """Return the worst value of the metric that loses no more than it may of another."""
        sign = -1 if self.task.metric.higher_is_better else 1
        return value + sign * self.max_drop

    def check_reaches(self, model: str, scored: ScoredSamples, floor: float) -> None:
        """Refuse a floor that a model misses before anything is pruned.

        Raises
        ------
        LimitNotMetError
            If it does.
        """
        if not self.reaches(scored, floor):
            raise LimitNotMetError(
                f"the {self.task.metric.name} of {model} is {scored.value:.4f} on the validation "
                f"samples, worse than the {floor:g} that its pruned ones should have"
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
    val : ScoredSamples
        Its score on the validation samples.
    files : Files
        Makes the file that the model would be.
    holds : bool or None
        Whether it loses no more than it may; None before that is known.
    """

    name: str
    model: ir.Model
    density: float
    val: ScoredSamples
    files: Files = field(default_factory=Files)
    holds: bool | None = None

    @property
    def emitted(self) -> Emitted:
        """The file that the model would be."""
        return self.files.of(self.model)

    @property
    def bytes(self) -> int:
        """The size of that file."""
        return len(self.emitted.data)

    def told(self, verdict: str) -> Progress:
        """Return a message about the model that ends in a verdict."""
        figure = f"validation {self.val.metric.name} {self.val.value:.4f}"
        about = f"{self.density:.2%} of weights, {figure}"
        return Progress(self.name, 1, 1, (), f"{self.name}: {about}{verdict}")


def judge_stage(job: Compression, name: str, model: ir.Model, floor: float | None) -> Steps[Stage]:
    """Score a model on the validation samples, and say whether it reaches the floor."""
    if floor is None:
        stage = yield from job.stage(name, model)
        yield stage.told("")
        return stage
    stage = yield from job.stage(name, model, lambda scored: job.reaches(scored, floor))
    verb = "below" if job.task.metric.higher_is_better else "above"
    yield stage.told(" is within the limit" if stage.holds else f" is {verb} {floor:.4f}")
    return stage


def _allowed_drop(metric: Metric, options: CompressOptions) -> float:
    if options.floor is not None:
        return math.inf
    allowed = metric.usual_drop if options.max_drop is None else options.max_drop
    if allowed is None:
        raise UsageError(
            f"the metric {metric.name} has no usual limit: say --max-drop, in its units, or --floor"
        )
    return allowed


def _density(model: ir.Model) -> float:
    arrays: Sequence[np.ndarray] = [layer.array for layer in find_layers(model).prunable]
    return sum(np.count_nonzero(array) for array in arrays) / sum(array.size for array in arrays)
