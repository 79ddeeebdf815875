"""With training: reference → ladder → weight sharing.

The validation images may be among those that the dense model was trained on; its accuracy on
them then says little about images it never saw. So the reference is the lower of two figures:
the dense model's own, and that of the same model retrained as all others will be, without
those images. Every choice is made against

    floor = reference − max_drop        on validation images.

Without labels the dense model alone teaches, and the metric compares with what it gives: it is the
reference as it came.
"""

from dataclasses import replace

from cortado.compress.ladder import climb
from cortado.compress.share import share_best
from cortado.compress.stages import Compression, Stage, judge_stage
from cortado.errors import CortadoError, LimitNotMetError
from cortado.progress import Steps
from cortado.retrain import Distillation, retrain

__all__ = ["train_small"]

_TEMPERATURE, _TEACHING = 2.0, 0.8  # of the retrained dense model as the teacher
_MOST_HARM = 0.05  # that retraining without pruning may do to the accuracy


def train_small(job: Compression, dense: Stage) -> Steps[list[Stage]]:
    """Return every model on the way; the last one holds, and is pruned and shared.

    Raises
    ------
    LimitNotMetError
        If no shared model holds the floor, or the retrained dense model misses `floor`.
    CortadoError
        If the model can't be trained.
    """
    reference, teaching = replace(dense, name="reference"), 1.0
    if job.task.data.labelled:
        training = job.training(job.effort.reference, job.options.lr)
        trained = yield from retrain(dense.model, job.task, training)
        reference = yield from judge_stage(job, "reference", trained.model, None)
        teaching = _TEACHING
    floor = _floor(job, dense, reference)
    job = replace(job, distillation=Distillation(reference.model, _TEMPERATURE, teaching))
    rungs = yield from climb(job, replace(reference, holds=True), floor)
    shared = yield from share_best(job, rungs, floor)
    return [*rungs, *shared]


def _floor(job: Compression, dense: Stage, reference: Stage) -> float:
    """Return the worst value of the metric on the validation samples that holds.

    A reference far worse than the dense model says that retraining harms it; measured by that, any
    ruin would hold.
    """
    options, metric = job.options, job.task.metric
    if options.floor is None:
        lost = dense.val.drop_to(reference.val)
        if lost > _MOST_HARM + job.max_drop:
            raise CortadoError(
                f"retraining alone takes the validation {metric.name} from {dense.val.value:.4f} "
                f"to {reference.val.value:.4f}: try a smaller --lr, or more data"
            )
        values = (dense.val.value, reference.val.value)
        if metric.higher_is_better:
            return min(values) - job.max_drop
        return max(values) + job.max_drop
    if not job.reaches(reference.val, options.floor):
        raise LimitNotMetError(
            f"the dense model, retrained, has a {metric.name} of {reference.val.value:.4f} on the "
            f"validation samples, worse than the {options.floor:g} that its pruned ones should have"
        )
    return options.floor
