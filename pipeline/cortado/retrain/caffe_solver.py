"""Caffe's solvers: what they make of gradients.

Each iteration, for all parameters together and then for each one, with its factors on the rate and
on the weight decay:

1. The gradients of `iter_size` batches are summed. If their common L2 norm is larger than
   `clip_gradients`, all are scaled down to it; then they are divided by `iter_size`.
2. Weight decay is added: g += decay · w (L2), or decay · sign(w) (L1).
3. The step, with r the rate, μ momentum, and δ `delta`:

    SGD        h = μ h + r g                                        w −= h
    Nesterov   h' = μ h + r g                                       w −= (1 + μ) h' − μ h
    AdaGrad    h += g²                                              w −= r g / (√h + δ)
    RMSProp    h = ρ h + (1 − ρ) g²                                 w −= r g / (√h + δ)
    AdaDelta   h = μ h + (1 − μ) g²,  u = g √((δ + s) / (δ + h)),
               s = μ s + (1 − μ) u²                                 w −= r u
    Adam       m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²,
               c = √(1 − β₂ᵗ) / (1 − β₁ᵗ)                           w −= r c m / (√v + δ)

The rate is inside h of SGD, so that after a change of the rate it differs from PyTorch's.
Parameters with a factor 0 on the rate are frozen: they neither move nor count in the norm, and nor
do pruned weights.

Source: BVLC/caffe sgd_solver.cpp (ApplyUpdate) and the files of the other solvers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from cortado.errors import CortadoError
from cortado.retrain.constraints import Constraint, Masked
from cortado.task.solver import Solver

__all__ = ["CaffeSolver", "Trained", "find_trained"]


@dataclass
class Trained:
    """A tensor that is trained.

    Attributes
    ----------
    parameter : torch.nn.Parameter
        The tensor.
    lr_mult, decay_mult : float
        Its factors on the rate and on the weight decay.
    pruned : torch.Tensor or None
        Bool of its shape: where its weights are pruned.
    """

    parameter: nn.Parameter
    lr_mult: float = 1.0
    decay_mult: float = 1.0
    pruned: Tensor | None = None
    _history: list[Tensor] = field(default_factory=list)

    def history(self, count: int) -> list[Tensor]:
        """Return the tensors that the solver remembers, zeros at first."""
        if not self._history:
            self._history = [torch.zeros_like(self.parameter) for _ in range(count)]
        return self._history


class CaffeSolver:
    """A solver of Caffe, used as an optimizer of PyTorch is.

    Parameters
    ----------
    trained : sequence of Trained
        What to move.
    solver : Solver
        How; the rate of the moment is ``param_groups[0]["lr"]``.
    """

    def __init__(self, trained: Sequence[Trained], solver: Solver) -> None:
        self.param_groups = [{"lr": solver.base_lr}]
        self._solver = solver
        self._all = trained
        self._steps = 0

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for each in self._all:
            each.parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take one iteration."""
        self._steps += 1
        moved = [(each, each.parameter.grad) for each in self._all if each.lr_mult != 0]
        gradients = [(each, gradient) for each, gradient in moved if gradient is not None]
        factor = self._clipping(gradients) / self._solver.iter_size
        rate = self.param_groups[0]["lr"]
        for each, gradient in gradients:
            if factor != 1:
                gradient.mul_(factor)
            self._regularize(each, gradient)
            self._move(each, gradient, rate * each.lr_mult)

    def _clipping(self, gradients: Sequence[tuple[Trained, Tensor]]) -> float:
        """Return the factor that brings the common norm of the gradients down to the limit."""
        limit = self._solver.clip_gradients
        if limit <= 0 or not gradients:
            return 1.0
        kept = [g if t.pruned is None else g.masked_fill(t.pruned, 0) for t, g in gradients]
        norm = float(torch.stack([g.norm() for g in kept]).norm())
        return limit / norm if norm > limit else 1.0

    def _regularize(self, each: Trained, gradient: Tensor) -> None:
        decay = self._solver.weight_decay * each.decay_mult
        if decay:
            weights = each.parameter
            toward = weights if self._solver.regularization == "L2" else weights.sign()
            gradient.add_(toward, alpha=decay)

    def _move(self, each: Trained, gradient: Tensor, rate: float) -> None:
        solver, weights = self._solver, each.parameter
        if solver.type in ("SGD", "Nesterov"):
            (history,) = each.history(1)
            if solver.type == "Nesterov":
                weights.add_(history, alpha=solver.momentum)
            history.mul_(solver.momentum).add_(gradient, alpha=rate)
            weights.sub_(history, alpha=1 + solver.momentum if solver.type == "Nesterov" else 1)
        elif solver.type in ("AdaGrad", "RMSProp"):
            (history,) = each.history(1)
            kept, new = (solver.rms_decay, 1 - solver.rms_decay)
            if solver.type == "AdaGrad":
                kept, new = 1.0, 1.0
            history.mul_(kept).addcmul_(gradient, gradient, value=new)
            weights.addcdiv_(gradient, history.sqrt().add_(solver.delta), value=-rate)
        elif solver.type == "AdaDelta":
            self._adadelta(each, gradient, rate)
        else:
            self._adam(each, gradient, rate)

    def _adadelta(self, each: Trained, gradient: Tensor, rate: float) -> None:
        momentum, delta = self._solver.momentum, self._solver.delta
        squares, updates = each.history(2)
        squares.mul_(momentum).addcmul_(gradient, gradient, value=1 - momentum)
        update = gradient * ((updates + delta) / (squares + delta)).sqrt_()
        updates.mul_(momentum).addcmul_(update, update, value=1 - momentum)
        each.parameter.sub_(update, alpha=rate)

    def _adam(self, each: Trained, gradient: Tensor, rate: float) -> None:
        first, second = self._solver.momentum, self._solver.momentum2
        mean, square = each.history(2)
        mean.mul_(first).add_(gradient, alpha=1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        correction = math.sqrt(1 - second**self._steps) / (1 - first**self._steps)
        divisor = square.sqrt().add_(self._solver.delta)
        each.parameter.addcdiv_(mean, divisor, value=-rate * correction)


def find_trained(
    named: Mapping[str, nn.Parameter], constraints: Sequence[Constraint], solver: Solver
) -> list[Trained]:
    """Return what is trained, each with the factors that the net gives it.

    Parameters
    ----------
    named : mapping of str to torch.nn.Parameter
        Initializer name, ``<layer>.<role>``, → tensor of the module. The blobs of a layer are
        those of its name in this order.
    constraints : sequence of Constraint
        What stands in for a weight, or where it is pruned.
    solver : Solver
        Whose `params` tell the factors.

    Raises
    ------
    CortadoError
        If the net has factors, and none is for a layer of the model.
    """
    held = {id(constraint.weight): constraint for constraint in constraints}
    layers = [name.rpartition(".")[0] for name in named]
    if solver.params and solver.params.keys().isdisjoint(layers):
        some = ", ".join(list(solver.params)[:3])
        raise CortadoError(f"the solver's net has none of the model's layers; it has: {some}, …")
    trained: list[Trained] = []
    for i, (layer, weight) in enumerate(zip(layers, named.values(), strict=True)):
        specs = solver.params.get(layer, ())[layers[:i].count(layer) :]
        factors = (specs[0].lr_mult, specs[0].decay_mult) if specs else (1.0, 1.0)
        constraint = held.get(id(weight))
        pruned = constraint.pruned if isinstance(constraint, Masked) else None
        moved = [weight] if constraint is None else constraint.parameters()
        trained += [Trained(parameter, *factors, pruned) for parameter in moved]
    return trained
