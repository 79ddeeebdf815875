"""With training: reference → ladder → weight sharing.

The validation images may be among those that the dense model was trained on; its accuracy on
them then says little about images it never saw. So the reference is the lower of two figures:
the dense model's own, and that of the same model retrained as all others will be, without
those images. Every choice is made against

    floor = reference − max_drop        on validation images.
"""

from dataclasses import replace

from cortado.compress.ladder import climb
from cortado.compress.options import CompressOptions
from cortado.compress.share import share_best
from cortado.compress.stages import Stage, Task, judge
from cortado.errors import CortadoError, LimitNotMetError
from cortado.progress import Steps
from cortado.retrain import Distillation, retrain

__all__ = ["train_small"]

_TEMPERATURE, _TEACHING = 2.0, 0.8  # of the retrained dense model as the teacher
_MOST_HARM = 0.05  # that retraining without pruning may do to the accuracy


def train_small(task: Task, dense: Stage) -> Steps[list[Stage]]:
    """Return every model on the way; the last one holds, and is pruned and shared.

    Raises
    ------
    LimitNotMetError
        If no shared model holds the floor, or the retrained dense model misses `min_accuracy`.
    CortadoError
        If the model can't be trained.
    """
    options = task.options
    training = task.training(task.effort.reference, options.lr)
    trained = yield from retrain(dense.model, task.data, training, task.head)
    reference = yield from judge(task, "reference", trained.model, None)
    floor = _floor(dense, reference, options)
    task = replace(task, distillation=Distillation(reference.model, _TEMPERATURE, _TEACHING))
    rungs = yield from climb(task, replace(reference, holds=True), floor)
    shared = yield from share_best(task, rungs, floor)
    return [*rungs, *shared]


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
