"""With training: reference → ladder → weight sharing.

With labels, the validation images may be among those that the dense model was trained on; its
accuracy on them then says little about images it never saw. So the reference is the lower of two
figures: the dense model's own, and that of the same model retrained as all others will be,
without those images. Every choice is made against

    floor = reference − max_drop        on validation images.

Without labels the dense model is all there is to learn from: it is the reference and the teacher,
by whose outputs alone the others train (see `cortado.retrain.teacher`), and nothing is retrained
that was not pruned.
"""

from dataclasses import replace

from cortado.compress.ladder import climb
from cortado.compress.share import share_best
from cortado.compress.stages import Compression, Stage, judge_stage
from cortado.errors import CortadoError
from cortado.progress import Progress, Steps
from cortado.retrain import Distillation, retrain

__all__ = ["train_small"]

_TEMPERATURE, _TEACHING = 2.0, 0.8  # of the retrained dense model as the teacher
_MOST_HARM = 0.05  # that retraining without pruning may do to the accuracy


def train_small(job: Compression, dense: Stage) -> Steps[list[Stage]]:
    """Return every model on the way; the last one holds, and is pruned and shared.

    Raises
    ------
    LimitNotMetError
        If no shared model holds the floor, or the reference misses `floor`.
    CortadoError
        If the model can't be trained.
    """
    first = _retrained(job, dense) if job.task.data.labelled else _taught(job, dense)
    reference, floor = yield from first
    job = replace(job, distillation=Distillation(reference.model, _TEMPERATURE, _TEACHING))
    rungs = yield from climb(job, replace(reference, holds=True), floor)
    shared = yield from share_best(job, rungs, floor)
    return [*(rung for rung in rungs if rung.model is not dense.model), *shared]


def _retrained(job: Compression, dense: Stage) -> Steps[tuple[Stage, float]]:
    """Return the dense model, retrained on labels, and the floor that it stands for."""
    training = job.training(job.effort.reference, job.options.lr)
    trained = yield from retrain(dense.model, job.task, training, references=job.referee.references)
    reference = yield from judge_stage(job, "reference", trained.model, None)
    return reference, _floor(job, dense, reference)


def _taught(job: Compression, dense: Stage) -> Steps[tuple[Stage, float]]:
    """Return the dense model, which the others learn from, and the floor that it stands for."""
    yield Progress("labels", 1, 1, (), "no labels: models learn from the dense model alone")
    if job.options.floor is not None:
        job.check_reaches("the dense model", dense.val, job.options.floor)
        return dense, job.options.floor
    return dense, job.floor_from(dense.val.value)


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
        return job.floor_from(min(values) if metric.higher_is_better else max(values))
    job.check_reaches("the retrained dense model", reference.val, options.floor)
    return options.floor
