"""Running statistics of BatchNormalizations, measured around a training.

While it trains, the network uses fixed statistics, so that the loss is that of the network as it
will run. Pruning, and then training, move what enters a normalization; so its statistics are
measured before the first step and after the last one, and taken where the validation samples are
better off with them: by the loss, or by the metric where no loss is known.
"""

import math

import onnx_ir as ir

from cortado.batchnorm import reestimate
from cortado.data import subset
from cortado.model.graph.exposed import expose
from cortado.progress import Progress, Steps
from cortado.retrain.options import RetrainOptions
from cortado.scoring.evaluate import Evaluation, evaluate, evaluate_session
from cortado.scoring.losses.terms import find_terms
from cortado.scoring.task import Task

__all__ = ["refresh_statistics"]

_SAMPLES = 2000


def refresh_statistics(
    model: ir.Model, task: Task, options: RetrainOptions, moment: str
) -> Steps[ir.Model]:
    """Return a model with statistics of training samples, or the model itself where it is better.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    task : Task
        Statistics are measured on training samples; the validation samples decide.
    options : RetrainOptions
        Which losses are trained.
    moment : str
        When this is, for the message: ``before training``.
    """
    some = subset(task.data.train, _SAMPLES)
    measured = yield from reestimate(model, some, task.runtime, raw=task.raw)
    if not measured.count:
        return model
    old = yield from _evaluate(model, task, options)
    new = yield from _evaluate(measured.model, task, options)
    is_better = new.worse_by(old) > 0
    figures = f"{old.metric} {old.value:.4f} → {new.value:.4f}"
    if not math.isnan(old.loss):
        is_better = new.loss < old.loss
        figures = f"loss {old.loss:.4f} → {new.loss:.4f}"
    message = (
        f"statistics of {measured.count} normalizations measured {moment}: "
        f"validation {figures}, {'taken' if is_better else 'not taken'}"
    )
    yield Progress("statistics", 1, 1, (), message)
    return measured.model if is_better else model


def _evaluate(model: ir.Model, task: Task, options: RetrainOptions) -> Steps[Evaluation]:
    """Score the validation samples, by the losses that the user chose where there are some."""
    if not options.losses:
        return (yield from evaluate(model, task, task.data.val))
    terms = [each for each in find_terms(model, task, options.losses) if not each.is_own]
    session = task.open(expose(model, [term.scores.logits for term in terms]))
    return (yield from evaluate_session(model, session, task, task.data.val, terms))
