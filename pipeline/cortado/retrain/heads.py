"""Which losses train a model: those that it remembers, or cross-entropy of the output to train."""

from dataclasses import replace

import onnx_ir as ir

from cortado.data import Dataset
from cortado.errors import CortadoError
from cortado.model.graph.exposed import expose
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime
from cortado.scoring.formulas import check_labels
from cortado.task.criteria import Criterion
from cortado.task.metadata import read_criteria
from cortado.task.outputs import activation_of, choose_output, criterion_of, main_criterion

__all__ = ["find_losses"]


def find_losses(
    model: ir.Model, data: Dataset, head: str | None, runtime: Runtime = Runtime()
) -> list[Criterion]:
    """Return the losses to train with, the main one first.

    Parameters
    ----------
    model : onnx_ir.Model
        The model. All losses that it remembers are trained, unless `head` names an output.
    data : Dataset
        Whose labels must fit.
    head : str or None
        The only output to train, see `choose_output`.
    runtime : Runtime
        Where the model is loaded to ask for its shapes.

    Raises
    ------
    CortadoError
        If a loss cannot be computed from labels, or the labels don't fit its scores.
    """
    known = [each for each in read_criteria(model) if each.is_loss and each.weight > 0]
    main = main_criterion(known)
    shown = expose(model, [each.scores for each in known])
    widths = runtime.open(serial.encode(shown)).widths
    if head is None and main is not None:
        losses = [main, *(each for each in known if each != main)]
    else:
        names = [str(value.name) for value in model.graph.outputs]
        output = choose_output({name: widths[name] for name in names}, data.classes, head)
        losses = [_loss_of_output(model, output)]
        _check(replace(losses[0], scores=output), widths[output], data)
    for loss in losses:
        if loss.refusal:
            raise CortadoError(
                f"layer {loss.name!r} ({loss.kind}) cannot be trained: {loss.refusal}; "
                "--head trains one output alone"
            )
        _check(loss, widths.get(loss.scores), data)
    return losses


def _loss_of_output(model: ir.Model, output: str) -> Criterion:
    logits = activation_of(model, output).logits
    return criterion_of(model, output) or Criterion(output, "SoftmaxWithLoss", logits)


def _check(loss: Criterion, width: int | None, data: Dataset) -> None:
    if width is not None:
        for part in (data.train, data.val, data.test):
            check_labels(loss, width, part.labels[loss.counts(part.labels)])
