"""Compression: reference → ladder → weight sharing → emitted file → validation.

The validation images may be among those that the dense model was trained on; its accuracy on
them then says little about images it never saw. So the reference is the lower of two figures:
the dense model's own, and that of the same model retrained as all others will be, without
those images. Every choice is made against

    floor = reference − max_drop        on validation images,

and only the finished file meets the test images, on which the limit is checked against the
dense model as it came.
"""

from dataclasses import dataclass

import onnx_ir as ir

from cortado.compress.ladder import Rung, Task, climb, holding, judge
from cortado.compress.options import EFFORTS, CompressOptions
from cortado.data import Dataset
from cortado.emit import Emitted, emit
from cortado.errors import LimitNotMetError
from cortado.invariants import check_zeros
from cortado.model import serial
from cortado.model.selector import ALL, Assignment
from cortado.quantize import quantize
from cortado.retrain import retrain
from cortado.steps import Steps
from cortado.validate import Candidate, ValidateOptions, Validation, validate

__all__ = ["Compressed", "compress"]

_SHARE_LR = 0.1  # of the peak rate: a shared value gathers the gradients of all its members


@dataclass(frozen=True)
class Compressed:
    """The file, and how it came to be.

    Attributes
    ----------
    emitted : Emitted
        The bytes, and how each tensor is stored.
    stages : tuple of Rung
        Every model on the way, judged on validation images: dense, reference, rungs, shared.
    validation : Validation
        The file and the dense model on the test images.
    """

    emitted: Emitted
    stages: tuple[Rung, ...]
    validation: Validation


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
        If no shared model holds the floor.
    """
    task = Task(data, head, options, EFFORTS[options.effort])
    dense = yield from judge(task, "dense", model, 0.0)
    lr = options.lr
    trained = yield from retrain(model, data, task.training(task.effort.reference, lr), head)
    reference = yield from judge(task, "reference", trained.model, 0.0)
    floor = options.min_accuracy
    if floor is None:
        floor = min(dense.val.accuracy, reference.val.accuracy) - options.max_drop
    rungs = yield from climb(task, reference, floor)
    shared = yield from _share_best(task, rungs, floor)
    emitted = emit(shared[-1].model, options.storage)
    candidate = Candidate(emitted.data, serial.decode(emitted.data, "the emitted file"))
    validation = yield from validate(candidate, model, ValidateOptions.of_test(data, head))
    return Compressed(emitted, (dense, *rungs, *shared), validation)


def _share_best(task: Task, rungs: list[Rung], floor: float) -> Steps[list[Rung]]:
    """Share the weights of the sparsest rung; if that does not hold, of the one before."""
    tried: list[Rung] = []
    for rung in reversed(holding(rungs)):
        tried.append((yield from _share(task, rung, floor)))
        if tried[-1].holds:
            return tried
    raise LimitNotMetError(
        f"no model with {task.options.bits}-bit shared weights reaches {floor:.4f} on the "
        "validation images; allow a larger drop, or take more bits"
    )


def _share(task: Task, rung: Rung, floor: float) -> Steps[Rung]:
    shared = quantize(rung.model, (Assignment(ALL, task.options.bits),))
    check_zeros(rung.model, shared.model)
    training = task.training(task.effort.share, _SHARE_LR * task.options.lr)
    trained = yield from retrain(shared.model, task.data, training, task.head)
    stage = f"share {2**task.options.bits} values"
    return (yield from judge(task, stage, trained.model, floor))
