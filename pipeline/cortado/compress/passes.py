"""Compression: reference → ladder → weight sharing → emitted file → validation.

The validation images may be among those that the dense model was trained on; its accuracy on
them then says little about images it never saw. So the reference is the lower of two figures:
the dense model's own, and that of the same model retrained as all others will be, without
those images. Every choice is made against

    floor = reference − max_drop        on validation images,

and only the finished file is measured on the test images, beside the dense model as it came.
"""

from dataclasses import dataclass, replace

import onnx_ir as ir

from cortado.compress.ladder import Stage, Task, climb, holding, judge
from cortado.compress.options import EFFORTS, CompressOptions
from cortado.data import Dataset
from cortado.emit import Emitted, emit
from cortado.errors import CortadoError, LimitNotMetError
from cortado.model import serial
from cortado.model.codebook import find_codebook
from cortado.model.layers import find_layers
from cortado.model.selector import ALL, Assignment
from cortado.quantize import quantize, share_biases
from cortado.retrain import Distillation, retrain
from cortado.steps import Steps
from cortado.validate import Candidate, ValidateOptions, Validation, validate

__all__ = ["Compressed", "compress"]

_TEMPERATURE, _TEACHING = 2.0, 0.8  # of the retrained dense model as the teacher
_MOST_HARM = 0.05  # that retraining without pruning may do to the accuracy
_BIAS_BITS = 6  # all biases together; they come last, as training would part them again
_SHARE_LR = 0.1  # of the peak rate: a shared value gathers the gradients of all its members


@dataclass(frozen=True)
class Compressed:
    """The file, and how it came to be.

    Attributes
    ----------
    emitted : Emitted
        The bytes, and how each tensor is stored.
    stages : tuple of Stage
        Every model on the way, judged on validation images: dense, reference, rungs, shared.
    validation : Validation
        The file and the dense model on the test images, and the latency of one image.
    """

    emitted: Emitted
    stages: tuple[Stage, ...]
    validation: Validation

    @property
    def model(self) -> ir.Model:
        """The model that the file holds."""
        return self.stages[-1].model


def compress(
    model: ir.Model,
    data: Dataset,
    options: CompressOptions = CompressOptions(),
    head: str | None = None,
) -> Steps[Compressed]:
    """Make the smallest file whose accuracy on validation images holds.

    Parameters
    ----------
    model : onnx_ir.Model
        The trained model; left as it is.
    data : Dataset
        Trained on the training part, judged on the validation part, reported on the test part.
    options : CompressOptions
        The limit, the bits, and how long to search.
    head : str or None
        The output that is trained and scored.

    Raises
    ------
    LimitNotMetError
        If no shared model holds the floor, or the retrained dense model misses `min_accuracy`.
    CortadoError
        If the model can't be trained, or shares weights already.
    """
    _check_free(model)
    task = Task(data, head, options, EFFORTS[options.effort])
    dense = yield from judge(task, "dense", model, None)
    lr = options.lr
    trained = yield from retrain(model, data, task.training(task.effort.reference, lr), head)
    reference = yield from judge(task, "reference", trained.model, None)
    floor = _floor(dense, reference, options)
    task = replace(task, distillation=Distillation(reference.model, _TEMPERATURE, _TEACHING))
    rungs = yield from climb(task, replace(reference, holds=True), floor)
    shared = yield from _share_best(task, rungs, floor)
    emitted = emit(shared[-1].model, options.storage)
    candidate = Candidate(emitted.data, serial.decode(emitted.data, "the emitted file"))
    measured = replace(ValidateOptions.of_test(data, head), latency_batch=1)
    validation = yield from validate(candidate, model, measured)
    return Compressed(emitted, (dense, *rungs, *shared), validation)


def _check_free(model: ir.Model) -> None:
    """Refuse, before any work is done, a model that the ladder could not prune."""
    layers = find_layers(model).prunable
    if not layers:
        raise CortadoError("the model has no prunable layer; `cortado inspect` says why")
    for layer in layers:
        if find_codebook(layer.array) is not None:
            raise CortadoError(
                f"the weights of {layer.name} share values already: compress a model before "
                "its weights are quantized"
            )


def _floor(dense: Stage, reference: Stage, options: CompressOptions) -> float:
    """Return the least accuracy on the validation images.

    A reference far below the dense model says that retraining harms it; measured by that, any
    ruin would hold.
    """
    if options.min_accuracy is None:
        lost = dense.val.accuracy - reference.val.accuracy
        if lost > _MOST_HARM + options.max_drop:
            raise CortadoError(
                f"retraining alone lowers the validation accuracy from {dense.val.accuracy:.4f} to "
                f"{reference.val.accuracy:.4f}: try a smaller --lr, or more data"
            )
        return min(dense.val.accuracy, reference.val.accuracy) - options.max_drop
    if reference.val.accuracy < options.min_accuracy:
        raise LimitNotMetError(
            f"the dense model, retrained, reaches {reference.val.accuracy:.4f} on the validation "
            f"images, less than the {options.min_accuracy:g} that its pruned ones should"
        )
    return options.min_accuracy


def _share_best(task: Task, rungs: list[Stage], floor: float) -> Steps[list[Stage]]:
    """Share the weights of the sparsest rung; if that does not hold, of the one before."""
    tried: list[Stage] = []
    for rung in reversed(holding(rungs)):
        tried.append((yield from _share(task, rung, floor)))
        if tried[-1].holds:
            return tried
    raise LimitNotMetError(
        f"no model with {task.options.bits}-bit shared weights reaches {floor:.4f} on the "
        "validation images; allow a larger drop, or take more bits"
    )


def _share(task: Task, rung: Stage, floor: float) -> Steps[Stage]:
    shared = quantize(rung.model, (Assignment(ALL, task.options.bits),))
    training = task.training(task.effort.share, _SHARE_LR * task.options.lr)
    trained = yield from retrain(
        shared.model, task.data, training, task.head, None, task.distillation
    )
    model = share_biases(trained.model, _BIAS_BITS).model
    return (yield from judge(task, f"share {2**task.options.bits} values", model, floor))
