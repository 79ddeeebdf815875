"""The objective of training: the losses of a model, mixed with distillation if there is a teacher.

loss = Σ weight · loss                                      with targets
loss = (1 − w) · Σ weight · loss + w · distillation         with a teacher too
loss = distillation                                         with a teacher alone
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cortado.data import Batch
from cortado.errors import CortadoError
from cortado.model.typing import Array
from cortado.plugins import foreign_code, import_module
from cortado.retrain.losses import compute
from cortado.retrain.teacher import Teacher, samples_first
from cortado.scoring.losses import Term
from cortado.scoring.losses.classes import class_axis_of
from cortado.scoring.losses.term import check_classes
from cortado.scoring.losses.text import classes_of_texts
from cortado.task.transform import Views

__all__ = ["Objective", "Values", "check_targets", "import_losses", "scores_of", "target_tensor"]

Values = Mapping[str, Tensor]
"""Value of the graph → tensor of shape (n, …)."""


@dataclass(frozen=True)
class Objective:
    """The loss of one batch.

    Attributes
    ----------
    terms : sequence of Term
        What is summed.
    outputs : sequence of str
        The outputs of the task.
    teacher : Teacher or None
        Distillation, if any.
    functions : mapping of str to callable
        The losses of the user's own, by their names.
    is_checked : bool
        Whether all labels are known to be classes, so that no batch is asked.
    axes : mapping of str to (int or None)
        Value → the axis of the samples, as of `Task`.
    """

    terms: Sequence[Term]
    outputs: Sequence[str] = ()
    teacher: Teacher | None = None
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    is_checked: bool = False
    axes: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def trained(self) -> list[str]:
        """The values that the loss depends on, in the order of the terms."""
        lessons = () if self.teacher is None else self.teacher.lessons
        named = [term.scores.logits for term in self.terms if not term.is_own]
        seen = [
            name
            for term in self.terms
            if term.is_own
            for name in self.outputs
            if term.target in ("", name)
        ]
        return list(dict.fromkeys([*named, *seen, *(each.value for each in lessons)]))

    @cached_property
    def values(self) -> list[str]:
        """The values that the module must give, in order: `trained`, then those measured."""
        return list(dict.fromkeys([*self.trained, *self.outputs]))

    def run(self, module: nn.Module, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the values for inputs, with the axis of the samples first."""
        given = module(*inputs)
        tensors = [given] if isinstance(given, Tensor) else given
        return {
            name: samples_first(each, self.axes.get(name, 0))
            for name, each in zip(self.values, tensors, strict=True)
        }

    def __call__(
        self,
        found: Values,
        targets: Mapping[str, Array] | None,
        batch: Batch,
        views: Views | None = None,
    ) -> Tensor:
        """Return the scalar loss of a batch, given what the module gave, and targets by output."""
        terms = [self.term(term, found, targets or {}) for term in self.terms]
        if not terms:
            assert self.teacher is not None  # whoever made the objective saw to it
            return self.teacher.loss(found, batch, views)
        weighted = [
            each if term.weight == 1 else term.weight * each
            for term, each in zip(self.terms, terms, strict=True)
        ]
        loss = weighted[0]
        for each in weighted[1:]:
            loss = loss + each
        if self.teacher is None:
            return loss
        weight = self.teacher.weight
        return (1 - weight) * loss + weight * self.teacher.loss(found, batch, views)

    def term(self, term: Term, found: Values, targets: Mapping[str, Array]) -> Tensor:
        """Return the loss of one term, without its weight."""
        if term.is_own:
            return self._own(term, found, targets)
        scores = scores_of(term, found)
        array = targets[term.target]
        if not self.is_checked:
            check_targets(term, array, tuple(scores.shape))
        return compute(term, scores, target_tensor(term, array, scores))

    def _own(self, term: Term, found: Values, targets: Mapping[str, Array]) -> Tensor:
        """Return what a function of the user's own gives for outputs and targets."""
        chosen = [name for name in self.outputs if term.target in ("", name)]
        outputs = {name: found[name] for name in chosen}
        device = found[chosen[0]].device
        wanted = {
            name: _plain_tensor(name, array, device)
            for name, array in targets.items()
            if term.target in ("", name)
        }
        with foreign_code(f"--loss {term.loss}"):
            loss = self.functions[term.loss](outputs, wanted)
        if not isinstance(loss, Tensor) or loss.ndim:
            what = f"the shape {list(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
            raise CortadoError(f"--loss {term.loss} returned {what}, not a tensor of one number")
        if not bool(torch.isfinite(loss)):
            raise CortadoError(f"--loss {term.loss} returned NaN or an infinite number")
        if torch.is_grad_enabled() and not loss.requires_grad:
            raise CortadoError(f"--loss {term.loss} does not depend on the outputs")
        return loss


def scores_of(term: Term, found: Values) -> Tensor:
    """Return what a term takes, in the shape of its output."""
    scores, output = found[term.scores.logits], found.get(term.scores.output)
    if output is None or output.shape == scores.shape or term.scores.is_reduced:
        return scores
    return scores.reshape(output.shape)


def check_targets(term: Term, array: Array, shape: tuple[int, ...]) -> None:
    """Refuse targets that are no classes of scores of a shape, with `CortadoError`."""
    if term.loss == "ctc":
        check_classes(term, classes_of_texts(term, array).clip(min=0), shape[-1])
    elif term.loss == "cross-entropy":
        check_classes(term, array, shape[class_axis_of(term, shape, array.shape)])


def target_tensor(term: Term, array: Array, scores: Tensor) -> Tensor:
    """Return the targets of a term as a tensor beside its scores."""
    if term.loss == "ctc":
        array = classes_of_texts(term, array)
    return _plain_tensor(term.target, array, scores.device)


def _plain_tensor(name: str, array: Array, device: torch.device) -> Tensor:
    """Return integers as int64, truth values and other numbers as float32."""
    if array.dtype.kind not in "biuf":
        raise CortadoError(f"the targets of {name} are {array.dtype}, not numbers")
    wanted = np.int64 if array.dtype.kind in "iu" else np.float32
    return torch.from_numpy(np.require(array, wanted, "C")).to(device)


def import_losses(terms: Sequence[Term]) -> dict[str, Callable[..., Any]]:
    """Return the functions of the user's own that terms name.

    Raises
    ------
    CortadoError
        If one cannot be imported.
    """
    found: dict[str, Callable[..., Any]] = {}
    for term in terms:
        if term.is_own:
            source = f"--loss {term.loss}"
            module, _, name = term.loss.partition(":")
            function = getattr(import_module(module, source), name, None)
            if not callable(function):
                raise CortadoError(f"{source} cannot be imported: {module} has no callable {name}")
            found[term.loss] = function
    return found
