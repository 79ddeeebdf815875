"""Running statistics of BatchNormalizations, measured around a training.

While it trains, the network uses fixed statistics, so that the loss is that of the network as it
will run. Pruning, and then training, move what enters a normalization; so its statistics are
measured before the first step and after the last one, and taken where the validation samples are
better off with them: by the loss of the classes, else by the losses that are trained, else by the
metric.
"""

import math

import numpy as np
import onnx_ir as ir

from cortado.batchnorm import reestimate
from cortado.data import feed_batches, subset
from cortado.model.graph.exposed import expose
from cortado.progress import Progress, Steps
from cortado.retrain.options import RetrainOptions
from cortado.retrain.terms import find_terms
from cortado.scoring.evaluate import evaluate
from cortado.scoring.losses import Term, measure
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
    old = yield from evaluate(model, task, task.data.val)
    new = yield from evaluate(measured.model, task, task.data.val)
    is_better = new.worse_by(old) > 0
    figures = f"{old.metric} {old.value:.4f} → {new.value:.4f}"
    losses = (old.loss, new.loss)
    if math.isnan(old.loss):
        terms = [term for term in find_terms(model, task, options.losses) if not term.is_own]
        losses = (_loss(model, task, terms), _loss(measured.model, task, terms))
    if not math.isnan(losses[0]):
        is_better = losses[1] < losses[0]
        figures = f"loss {losses[0]:.4f} → {losses[1]:.4f}"
    message = (
        f"statistics of {measured.count} normalizations measured {moment}: "
        f"validation {figures}, {'taken' if is_better else 'not taken'}"
    )
    yield Progress("statistics", 1, 1, (), message)
    return measured.model if is_better else model


def _loss(model: ir.Model, task: Task, terms: list[Term]) -> float:
    """Return the weighted sum of losses on the validation samples; NaN where there are none."""
    if not terms:
        return math.nan
    session = task.open(expose(model, [term.scores.logits for term in terms]))
    sums = np.zeros((len(terms), 2))
    for fed in feed_batches(task.feed, task.data.val, task.size):
        outputs, count = session.run(fed.inputs), len(fed.indices)
        targets = task.targets_of(fed.targets) or {}
        for row, term in enumerate(terms):
            scores = task.rows(outputs[term.scores.logits], count)
            if term.scores.output in outputs:
                scores = scores.reshape(task.rows(outputs[term.scores.output], count).shape)
            sums[row] += measure(term, scores, targets[term.target])
    weights = [term.weight for term in terms]
    return float(np.dot(weights, sums[:, 0] / np.maximum(sums[:, 1], 1)))
