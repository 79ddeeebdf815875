"""Which losses train a model: the user's, those that it remembers, or what its targets suggest.

    one integer a sample, position or pixel    cross-entropy
    one integer or truth value a score         bce
    texts                                      ctc
    other numbers                              mse

Without targets there is none, but for functions of the user's own: a teacher is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from cortado.built_in import CAFFE_LOSSES
from cortado.data import feed_batches
from cortado.data.samples import Subset
from cortado.errors import CortadoError, UsageError
from cortado.model.graph.exposed import expose
from cortado.model.onnx_io import serial
from cortado.model.typing import Array
from cortado.scoring.formulas import check_labels
from cortado.scoring.losses import LossChoice, Term, measure
from cortado.scoring.losses.term import check_classes
from cortado.scoring.metrics.text import characters_of
from cortado.scoring.task import Task
from cortado.task.criteria import Criterion, Kind
from cortado.task.metadata import read_criteria
from cortado.task.outputs import (
    Scores,
    before_sigmoid,
    criterion_of,
    main_criterion,
)

__all__ = ["find_terms"]

_OF_LOGITS = ("cross-entropy", "ctc", "SoftmaxWithLoss", "HingeLoss")
_OF_QUESTIONS = ("bce", "SigmoidCrossEntropyLoss")


def find_terms(model: ir.Model, task: Task, choices: Sequence[LossChoice] = ()) -> list[Term]:
    """Return the losses to train with, the main one first; none where there are no targets.

    Parameters
    ----------
    model : onnx_ir.Model
        The model. All losses that it remembers are trained, unless the task has a head.
    task : Task
        Its outputs, and the data whose targets must fit.
    choices : sequence of LossChoice
        What the user chose. Outputs that no choice is for keep their default.

    Raises
    ------
    CortadoError
        If a loss cannot be computed from the targets, or they do not fit its scores.
    UsageError
        If a choice is for no output that has targets.
    """
    own = [_own(choice, task) for choice in choices if ":" in choice.loss]
    if task.data.train.take(np.zeros(1, np.int64)).targets is None:
        if len(own) < len(choices):
            raise UsageError("the data have no labels: --loss needs them, --distill does without")
        return own
    maker = _Maker.of(model, task)
    if not choices and maker.labelled:
        remembered = _remembered(model, task)
        if remembered:
            return [maker.remembered(each) for each in remembered]
    chosen = {choice.output: choice for choice in choices}
    if len(chosen) < len(choices):
        raise UsageError("two --loss are for the same output")
    chosen = {output: each for output, each in chosen.items() if ":" not in each.loss}
    for name in chosen.keys() - {None, *maker.scored}:
        known = ", ".join(maker.scored)
        raise UsageError(f"--loss {name}=…: the outputs with targets are: {known}")
    taken = {term.target for term in own}
    left = [each for name, each in maker.scored.items() if name not in taken]
    if "" in taken:  # a function of the user's own stands in for the defaults
        left = [scores for scores in left if scores.output in chosen]
    terms = [maker.term(each, chosen.get(each.output) or chosen.get(None)) for each in left]
    return [*terms, *own]


def _own(choice: LossChoice, task: Task) -> Term:
    """Return the term of a function of the user's own; one for all outputs has no target."""
    named = [scores for scores in task.outputs if scores.output == choice.output]
    if choice.output is not None and not named:
        known = ", ".join(task.names)
        raise UsageError(f"--loss {choice.output}=…: the outputs that are scored are: {known}")
    scores = (named or task.outputs)[0]
    return Term(choice.loss, _as_it_is(scores), choice.output or "", choice.weight)


def _remembered(model: ir.Model, task: Task) -> list[Criterion]:
    """Return the losses of Caffe that train a model, the main one first."""
    known = [each for each in read_criteria(model) if each.is_loss and each.weight > 0]
    main = main_criterion(known)
    if task.head is None and main is not None:
        return [main, *(each for each in known if each != main)]
    found = criterion_of(model, task.outputs[0].output)
    return [] if found is None else [found]


def _as_it_is(scores: Scores) -> Scores:
    return replace(scores, logits=scores.output)


@dataclass(frozen=True)
class _Maker:
    """Makes terms, and tries them on one sample.

    Attributes
    ----------
    model, task
        As of `find_terms`.
    values : mapping of str to array
        Value of the graph → what it is for one sample, of shape (1, …).
    targets : mapping of str to array, or None
        Output → targets of that sample, of shape (1, …).
    """

    model: ir.Model
    task: Task
    values: Mapping[str, Array]
    targets: Mapping[str, Array] | None

    @classmethod
    def of(cls, model: ir.Model, task: Task) -> "_Maker":
        wanted = [scores.logits for scores in task.outputs]
        wanted += [before_sigmoid(model, name) for name in task.names]
        wanted += [each.scores for each in read_criteria(model) if not each.refusal]
        session = task.runtime.open(serial.encode(expose(model, wanted)))
        one = Subset(task.data.train, np.zeros(1, np.int64))
        fed = next(feed_batches(task.feed, one, task.size))
        values = {
            name: task.rows(name, array, 1) for name, array in session.run(fed.inputs).items()
        }
        return cls(model, task, values, task.targets_of(fed.targets))

    @property
    def labelled(self) -> bool:
        """Whether each sample has one label."""
        return self.task.data.train.labels is not None

    @property
    def scored(self) -> dict[str, Scores]:
        """The outputs that have targets."""
        return {
            each.output: each for each in self.task.outputs if each.output in (self.targets or {})
        }

    def remembered(self, criterion: Criterion) -> Term:
        """Return the term of a loss that the model remembers."""
        if criterion.refusal:
            raise CortadoError(
                f"layer {criterion.name!r} ({criterion.kind}) cannot be trained: "
                f"{criterion.refusal}; --head trains one output alone"
            )
        scores = Scores(criterion.scores, criterion.scores, "none")
        target = self.task.outputs[0].output
        term = Term(
            criterion.kind,
            scores,
            target,
            criterion.weight,
            criterion.ignore,
            criterion=criterion,
        )
        return self._tried(term)

    def term(self, scores: Scores, choice: LossChoice | None) -> Term:
        """Return the term of an output: as chosen, or as its targets suggest."""
        name = self._default(scores) if choice is None else choice.loss
        trained = criterion_of(self.model, scores.output)
        ignore = None if trained is None else trained.ignore
        criterion = None
        if name in CAFFE_LOSSES:
            kind: Kind = name  # type: ignore[assignment]  # CAFFE_LOSSES holds these
            same = trained is not None and trained.kind == kind
            criterion = trained if same else Criterion(name, kind, scores.output, ignore=ignore)
        term = Term(
            name,
            self._taken(name, scores),
            scores.output,
            1.0 if choice is None else choice.weight,
            ignore,
            self._alphabet(name, scores),
            criterion,
        )
        return self._tried(term)

    def _default(self, scores: Scores) -> str:
        assert self.targets is not None
        target, found = self.targets[scores.output], self.values[scores.output].shape
        if scores.form == "binary":
            return "bce"
        if scores.form == "indices":
            return "cross-entropy"
        if target.dtype.kind == "U":
            return "ctc"
        if target.dtype.kind == "b":
            return "bce"
        if target.dtype.kind not in "iu":
            return "mse"
        shape = _squeezed(found)
        if target.ndim == 2 and len(found) == 3 and target.shape[1] not in shape:
            return "ctc"
        is_question = target.ndim > 1 and _squeezed(target.shape) == _squeezed(found)
        return "bce" if is_question else "cross-entropy"

    def _taken(self, name: str, scores: Scores) -> Scores:
        """Return an output with the value that a loss takes of it."""
        if name in _OF_LOGITS:
            return scores
        if name in _OF_QUESTIONS:
            return replace(scores, logits=before_sigmoid(self.model, scores.output))
        return _as_it_is(scores)

    def _alphabet(self, name: str, scores: Scores) -> tuple[str, ...]:
        assert self.targets is not None
        if name != "ctc" or self.targets[scores.output].dtype.kind != "U":
            return ()
        classes = self.values[scores.output].shape[-1]
        return characters_of(self.task.alphabet, classes, scores.output)

    def _tried(self, term: Term) -> Term:
        """Return a term that could be computed for one sample, and whose labels all fit."""
        assert self.targets is not None
        found = self.values[term.scores.logits]
        if term.scores.output in self.values and not term.scores.is_reduced:
            found = found.reshape(self.values[term.scores.output].shape)
        for part in (self.task.data.train, self.task.data.val, self.task.data.test):
            if part.labels is None:
                continue
            if term.criterion is not None:
                counted = part.labels[term.criterion.counts(part.labels)]
                check_labels(term.criterion, found.shape[1], counted)
            elif term.loss == "cross-entropy":
                check_classes(term, part.labels, found.shape[1])
        measure(term, found, self.targets[term.target])
        return term


def _squeezed(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape[1:] if size != 1]
