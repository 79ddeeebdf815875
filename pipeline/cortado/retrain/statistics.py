"""BatchNorm statistics around a training: measured again where that helps.

While it trains, the network uses fixed statistics, so that the loss is that of the network as it
will run. Pruning, and then training, move what enters a normalization; so its statistics are
measured before the first step and after the last one, and taken where the validation samples are
better off with them: by the loss, or by the metric where no loss is known.
"""

import math

import onnx_ir as ir

from cortado.batchnorm import reestimate
from cortado.data import subset
from cortado.progress import Progress, Steps
from cortado.scoring.evaluate import Evaluation, evaluate
from cortado.scoring.task import Task

__all__ = ["refresh_statistics"]

_SAMPLES = 2000


def refresh_statistics(model: ir.Model, task: Task, moment: str) -> Steps[ir.Model]:
    """Return a model with statistics of training samples, or the model itself where it is better.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    task : Task
        Statistics are measured on training samples; the validation samples decide.
    moment : str
        When this is, for the message: ``before training``.
    """
    some = subset(task.data.train, _SAMPLES)
    measured = yield from reestimate(model, some, task.runtime, raw=task.raw)
    if not measured.count:
        return model
    old = yield from evaluate(model, task, task.data.val)
    new = yield from evaluate(measured.model, task, task.data.val)
    is_better, figures = _compare(old, new)
    message = (
        f"statistics of {measured.count} normalizations measured {moment}: "
        f"validation {figures}, {'taken' if is_better else 'not taken'}"
    )
    yield Progress("statistics", 1, 1, (), message)
    return measured.model if is_better else model


def _compare(old: Evaluation, new: Evaluation) -> tuple[bool, str]:
    """Return whether a model is better than the old one, and by which figures."""
    if not math.isnan(old.loss):
        return new.loss < old.loss, f"loss {old.loss:.4f} → {new.loss:.4f}"
    return new.worse_by(old) > 0, f"{old.metric} {old.value:.4f} → {new.value:.4f}"
