"""A solver: how Caffe trains a net, as its solver.prototxt and the net itself say.

The learning rate of iteration t, counted from 0, is `base_lr` times

    fixed       1
    step        gamma ^ floor(t / stepsize)
    exp         gamma ^ t
    inv         (1 + gamma · t) ^ −power
    multistep   gamma ^ (how many stepvalues are at most t)
    poly        (1 − t / max_iter) ^ power
    sigmoid     1 / (1 + exp(−gamma · (t − stepsize)))

Source: BVLC/caffe caffe.proto, sgd_solver.cpp (GetLearningRate).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cortado.errors import CortadoError

__all__ = ["ParamSpec", "Policy", "Solver", "SolverType"]

SolverType = Literal["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"]
Policy = Literal["fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid"]


@dataclass(frozen=True)
class ParamSpec:
    """The settings of a layer's `param` for one of its blobs.

    Attributes
    ----------
    name : str
        Blobs of equal, non-empty names are one.
    permissive : bool
        Whether sharers must agree in the number of values only, not in the shape.
    lr_mult : float
        Factor on the learning rate; 0 freezes the blob.
    decay_mult : float
        Factor on the weight decay.
    """

    name: str = ""
    permissive: bool = False
    lr_mult: float = 1.0
    decay_mult: float = 1.0


@dataclass(frozen=True)
class Solver:
    """How Caffe would train; names are those of its SolverParameter.

    `CortadoError` refuses what Caffe refuses.

    Attributes
    ----------
    clip_gradients : float
        The largest L2 norm of all gradients together, before they are divided by `iter_size`;
        not positive: no limit.
    params : mapping of str to tuple of ParamSpec
        Layer → what the net says of each of its blobs; what is missing has the factors 1.
    """

    type: SolverType = "SGD"
    base_lr: float = 0.01
    policy: Policy = "fixed"
    gamma: float = 0.0
    power: float = 0.0
    stepsize: int = 1
    stepvalues: tuple[int, ...] = ()
    max_iter: int = 0
    momentum: float = 0.0
    momentum2: float = 0.999
    rms_decay: float = 0.99
    delta: float = 1e-8
    weight_decay: float = 0.0
    regularization: Literal["L1", "L2"] = "L2"
    iter_size: int = 1
    clip_gradients: float = -1.0
    params: Mapping[str, tuple[ParamSpec, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self)

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of iteration `step` of `steps`."""
        return self.base_lr * self._factor(step, steps)

    def _factor(self, step: int, steps: int) -> float:
        if self.policy == "step":
            return float(self.gamma ** (step // self.stepsize))
        if self.policy == "exp":
            return float(self.gamma**step)
        if self.policy == "inv":
            return float((1 + self.gamma * step) ** -self.power)
        if self.policy == "multistep":
            return float(self.gamma ** sum(value <= step for value in self.stepvalues))
        if self.policy == "poly":
            return float((1 - step / steps) ** self.power)
        if self.policy == "sigmoid":
            exponent = min(-self.gamma * (step - self.stepsize), 700.0)  # exp(710) overflows
            return 1 / (1 + math.exp(exponent))
        return 1.0


def _check(solver: Solver) -> None:
    """Refuse what Caffe refuses."""
    if not 0 < solver.base_lr < math.inf:
        raise CortadoError(f"the solver's base_lr is {solver.base_lr}; it must be positive")
    if not solver.gamma >= 0 or not 0 <= solver.momentum < 1 or not solver.weight_decay >= 0:
        raise CortadoError("the solver's gamma or weight_decay is negative, or momentum not 0 to 1")
    if solver.type in ("AdaGrad", "RMSProp") and solver.momentum:
        raise CortadoError(f"the solver's type {solver.type} has no momentum; it must be 0")
    if not 0 <= solver.rms_decay < 1 or not 0 <= solver.momentum2 < 1:
        raise CortadoError("the solver's rms_decay and momentum2 must be 0 to 1")
