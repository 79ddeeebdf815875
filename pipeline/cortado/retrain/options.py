"""The options of retraining."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import onnx_ir as ir

from cortado.errors import UsageError
from cortado.model.layers.selector import Assignment
from cortado.prune import PruneOptions
from cortado.scoring.losses import LossChoice
from cortado.task.solver import Solver

__all__ = ["BatchNorm", "Distillation", "Gradual", "Optimizer", "Rate", "RetrainOptions"]

Optimizer = Literal["sgd", "adam"]
BatchNorm = Literal["measure", "keep"]
Rate = Literal["constant", "step", "cosine", "one-cycle"]

_DEFAULT_LR: dict[Optimizer, float] = {"sgd": 0.01, "adam": 0.001}


@dataclass(frozen=True)
class RetrainOptions:
    """How to train.

    Attributes
    ----------
    epochs : int
        Passes over the training part.
    batch : int
        Samples a step.
    optimizer : {"sgd", "adam"}
        SGD with momentum, or Adam.
    lr : float or None
        The peak learning rate; None is 0.01 for SGD and 0.001 for Adam.
    rate : {"constant", "step", "cosine", "one-cycle"}
        How the learning rate runs from the first step to the last, see `rates`.
    momentum, weight_decay : float
        Of SGD; weight decay of both. A zero weight does not decay.
    shift : int
        The most pixels by which each training image is moved in both directions, at random.
    batchnorm : {"measure", "keep"}
        Whether the statistics of BatchNormalizations are measured again, see `statistics`.
    device : str
        ``cpu``, ``cuda`` or any name of torch; ``auto`` is CUDA where there is one.
    seed : int
        Of the order of the samples, of the shifts and of torch's own generator.
    solver : Solver or None
        A solver of Caffe; then `optimizer`, `lr`, `rate`, `momentum` and `weight_decay` mean
        nothing.
    iterations : int or None
        Steps in all, in place of `epochs`.
    losses : tuple of LossChoice
        What is minimized; empty for the default, see `terms`.
    """

    epochs: int = 5
    batch: int = 128
    optimizer: Optimizer = "adam"
    lr: float | None = None
    rate: Rate = "cosine"
    momentum: float = 0.9
    weight_decay: float = 0.0
    shift: int = 0
    batchnorm: BatchNorm = "measure"
    device: str = "auto"
    seed: int = 0
    solver: Solver | None = None
    iterations: int | None = None
    losses: tuple[LossChoice, ...] = ()

    def __post_init__(self) -> None:
        if self.iterations is not None and self.iterations < 0:
            raise UsageError("iterations must not be negative")
        if self.epochs < 0 or self.batch < 1 or self.shift < 0:
            raise UsageError("epochs and shift must not be negative, and a batch needs a sample")
        if not self.peak_lr > 0 or not 0 <= self.momentum < 1 or not self.weight_decay >= 0:
            raise UsageError("lr must be positive, momentum 0 to 1, weight decay not negative")

    @property
    def peak_lr(self) -> float:
        """The peak learning rate, with the default of the optimizer."""
        return _DEFAULT_LR[self.optimizer] if self.lr is None else self.lr


@dataclass(frozen=True)
class Gradual:
    """Prune while training, along a cubic schedule.

    Attributes
    ----------
    sparsities : sequence of Assignment
        The fraction of zeros to reach, for each selector.
    prune : PruneOptions
        How the weights to cut are chosen each time.
    rise : float
        The part of the training during which the sparsity rises; then masks stay as they are.
        0 prunes before the first step.
    every : int
        Steps from one choice of masks to the next.
    """

    sparsities: Sequence[Assignment[float]]
    prune: PruneOptions = PruneOptions(method="lamp")
    rise: float = 0.6
    every: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.rise <= 1 or self.every < 1:
            raise UsageError("the sparsity rises during a part of the training, in whole steps")


@dataclass(frozen=True)
class Distillation:
    """Learn from the outputs of a teacher too (Hinton et al. 2015, 1503.02531).

        loss = (1 − weight) · cross-entropy + weight · T² · KL(teacher_T ‖ student_T)

    Outputs that are no scores of classes learn by their squared relative error instead. Data
    without labels are learned from the teacher alone.

    Attributes
    ----------
    teacher : onnx_ir.Model
        Usually the dense model; it takes the same samples, through its own input transform.
    temperature : float
        T, by which both models' logits are divided.
    weight : float
        0…1.
    """

    teacher: ir.Model
    temperature: float = 4.0
    weight: float = 0.5

    def __post_init__(self) -> None:
        if not self.temperature > 0 or not 0 <= self.weight <= 1:
            raise UsageError("distillation needs a positive temperature and a weight of 0 to 1")
