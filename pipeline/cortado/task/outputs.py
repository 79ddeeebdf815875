"""The output that is scored, and what its numbers mean.

`choose_output` finds it by name or by the number of classes; `activation_of` looks at the node
that makes it, so that a loss can be taken from logits where the model ends in a Softmax or in the
ArgMax of what a loss is taken from. Where the
model remembers how it was trained, its criteria say more: which output is the main one, and what
its loss is.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import onnx_ir as ir

from cortado.errors import CortadoError, UsageError
from cortado.model.graph.nodes import is_standard, opset_of
from cortado.task.criteria import Criterion
from cortado.task.metadata import read_criteria

__all__ = [
    "Activation",
    "Form",
    "Scores",
    "activation_of",
    "before_sigmoid",
    "binary",
    "check_classifying",
    "choose_output",
    "criterion_of",
    "ends_in_product",
    "main_criterion",
    "main_output",
]

Activation = Literal["none", "softmax", "log_softmax", "sigmoid"]
Form = Literal["scores", "indices", "binary"]

_ACTIVATIONS: dict[str, Activation] = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}
_PASSING = {"Identity", "Dropout", "Reshape", "Flatten", "Squeeze"}
_PASSING_INDICES = {*_PASSING, "Cast"}


@dataclass(frozen=True)
class Scores:
    """The scores behind an output.

    Attributes
    ----------
    output : str
        The graph output, of shape (n, classes).
    logits : str
        The value that enters its final activation; the output itself where there is none.
    activation : str
        ``softmax``, ``log_softmax`` or ``none``; ``sigmoid`` where the form is binary.
    axis : int
        The axis that the activation runs over: that of the classes.
    rank : int or None
        Of the output, without trailing axes of size 1; None where it is unknown.
    form : {"scores", "indices", "binary"}
        Whether the numbers are scores of classes, the classes themselves, or each says yes or no:
        above 0, or above 0.5 behind a Sigmoid.
    classes : int or None
        The number of classes that indices are of, where it is known.
    """

    output: str
    logits: str
    activation: Activation
    axis: int = 1
    rank: int | None = None
    form: Form = "scores"
    classes: int | None = None

    @property
    def is_reduced(self) -> bool:
        """Whether the output has another shape than the logits: an ArgMax takes an axis away."""
        return self.form == "indices" and self.logits != self.output


def choose_output(widths: Mapping[str, int | None], classes: int, head: str | None) -> str:
    """Return the name of the output to score.

    Parameters
    ----------
    widths : mapping of str to (int or None)
        Output name → number of scores an image.
    classes : int
        The number of classes in the data; 0 where it has no labels.
    head : str or None
        The user's choice. Without it: the only output, or the only one of `classes` scores.
    """
    names = ", ".join(f"{name} ({width or '?'})" for name, width in widths.items())
    if head is not None:
        if head not in widths:
            raise UsageError(f"--head {head} is no output of the model; it has: {names}")
        return head
    fitting = [name for name, width in widths.items() if width == classes]
    chosen = list(widths) if len(widths) == 1 else fitting
    if len(chosen) != 1:
        fits = f" and not just one of them has {classes} scores" if classes else ""
        raise UsageError(f"the model has several outputs{fits}: {names}; name one with --head")
    return chosen[0]


def main_output(
    model: ir.Model, widths: Mapping[str, int | None], classes: int, head: str | None
) -> str:
    """Return the output to score: the user's choice, that of the main loss, or `choose_output`."""
    names = [str(value.name) for value in model.graph.outputs]
    main = main_criterion(read_criteria(model))
    if head is None and main is not None and len(names) > 1:
        for name in names:
            if criterion_of(model, name) == main:
                return name
    return choose_output({name: widths[name] for name in names}, classes, head)


def main_criterion(criteria: Sequence[Criterion]) -> Criterion | None:
    """Return the loss of largest weight, and of equal ones the last; None where there is none."""
    losses = [each for each in criteria if each.is_loss and each.weight > 0]
    return max(reversed(losses), key=lambda each: each.weight, default=None)


def criterion_of(model: ir.Model, output: str) -> Criterion | None:
    """Return the loss that an output was trained with, if the model remembers one."""
    losses = [each for each in read_criteria(model) if each.is_loss]
    if not losses:
        return None
    behind = {output, activation_of(model, output).logits, before_sigmoid(model, output)}
    return next((each for each in losses if each.scores in behind), None)


def check_classifying(model: ir.Model, head: str | None, use: str) -> None:
    """Refuse what counts images that are right, where the model knows that it tells no classes.

    Parameters
    ----------
    model : onnx_ir.Model
        Any; without a memory of its training it may be a classifier.
    head : str or None
        The output that is scored, see `main_output`.
    use : str
        What needs classes.
    """
    names = [str(value.name) for value in model.graph.outputs]
    losses = [criterion_of(model, name) for name in names if head in (None, name)]
    if len(names) > 1 and head is None:
        main = main_criterion(read_criteria(model))
        losses = [loss for loss in losses if loss == main]
    for loss in losses:
        if loss is not None and not loss.is_classifying:
            raise CortadoError(
                f"{use} counts images that are classified right; by its layer {loss.name!r} "
                f"({loss.kind}) the model tells no classes"
            )


def activation_of(model: ir.Model, output: str) -> Scores:
    """Return the scores behind the graph output of that name.

    Nodes that only pass scores on, or drop axes of size 1, are looked through.

    Raises
    ------
    CortadoError
        If there is no such output.
    """
    for value in model.graph.outputs:
        if value.name == output:
            rank = _rank(value)
            if (indices := _indices(value, rank)) is not None:
                return indices
            node = _producer(value)
            if node is None or not is_standard(node, *_ACTIVATIONS) or node.inputs[0] is None:
                return Scores(output, output, "none", rank=rank)
            axis = _axis_of(node, opset_of(model))
            logits, activation = str(node.inputs[0].name), _ACTIVATIONS[node.op_type]
            return Scores(output, logits, activation, axis, rank)
    raise CortadoError(f"the model has no output {output}")


def _indices(value: ir.Value, rank: int | None) -> Scores | None:
    """Return an output that is made by an ArgMax; None for any other."""
    node = _producer(value, _PASSING_INDICES)
    if node is None or not is_standard(node, "ArgMax") or node.inputs[0] is None:
        return None
    before, axis = node.inputs[0], node.attributes.get_int("axis", 0)
    size = None if before.shape is None else before.shape[axis]
    classes = size if isinstance(size, int) else None
    axis = axis if before.shape is None else axis % len(before.shape)
    return Scores(str(value.name), str(before.name), "none", axis, rank, "indices", classes)


def binary(model: ir.Model, scores: Scores) -> Scores:
    """Return an output as one whose numbers say yes or no."""
    has_sigmoid = before_sigmoid(model, scores.output) != scores.output
    return replace(scores, form="binary", activation="sigmoid" if has_sigmoid else "none")


def ends_in_product(model: ir.Model, output: str) -> bool:
    """Return whether an output of a model is made by a fully connected layer, or its bias."""
    value = next(each for each in model.graph.outputs if each.name == output)
    node = _producer(value)
    if node is not None and is_standard(node, "Add"):
        makers = [_producer(each) for each in node.inputs if each is not None]
        node = next((maker for maker in makers if maker is not None), None)
    return node is not None and is_standard(node, "Gemm", "MatMul")


def before_sigmoid(model: ir.Model, output: str) -> str:
    """Return the value that enters the Sigmoid an output ends in; itself where there is none."""
    value = next(each for each in model.graph.outputs if each.name == output)
    node = _producer(value)
    if node is None or not is_standard(node, "Sigmoid") or node.inputs[0] is None:
        return output
    return str(node.inputs[0].name)


def _producer(value: ir.Value, passing: Collection[str] = _PASSING) -> ir.Node | None:
    node = value.producer()
    while node is not None and is_standard(node, *passing) and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    return node


def _axis_of(node: ir.Node, opset: int) -> int:
    """Return the axis of a Softmax; before opset 13 the default is 1."""
    axis = node.attributes.get_int("axis", -1 if opset >= 13 else 1)
    shape = node.outputs[0].shape
    return (1 if axis in (1, -1) else axis) if shape is None else axis % len(shape)


def _rank(value: ir.Value) -> int | None:
    """Return the rank of an output, trailing axes of size 1 left out."""
    if value.shape is None:
        return None
    sizes = list(value.shape)
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes.pop()
    return len(sizes)
