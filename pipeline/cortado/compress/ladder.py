"""The ladder: prune rung by rung, until the metric on validation samples is beyond the limit.

Each rung multiplies the density by a factor and retrains; the next rung starts from the model
that this one gave. Where it does not hold, the rung is taken back, and from then on
each factor is the square root of the one before: the ladder closes in on the lowest density
that holds, as bisection does.

    density   1 → 0.05 → 0.025 → … → d holds → d/2 does not → 0.71 d holds → 0.59 d → …
"""

from collections.abc import Sequence

from cortado.compress.stages import Compression, Stage, judge_stage
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import ALL, Assignment
from cortado.progress import Steps
from cortado.prune import PruneOptions
from cortado.retrain import Gradual, retrain

__all__ = ["climb", "holding"]

_FIRST_FACTOR = 0.05
_FACTOR = 0.5
_CLOSE_ENOUGH = 0.9  # a rung that cuts less than a tenth is not worth its epochs
_RISE = 0.4  # part of a rung during which the sparsity rises
_FEWEST_WEIGHTS = 10  # a layer of the model, on average, keeps at least so many


def climb(job: Compression, start: Stage, floor: float) -> Steps[list[Stage]]:
    """Return every rung that was tried, in order; the first is `start`, which must hold.

    Parameters
    ----------
    job : Compression
        What to train on, and how.
    start : Stage
        The model to prune.
    floor : float
        The worst value of the metric on the validation part that holds.
    """
    rungs, factor = [start], _FIRST_FACTOR
    layers = find_layers(start.model).prunable
    fewest = _FEWEST_WEIGHTS * len(layers) / sum(layer.array.size for layer in layers)
    failures = 0
    while failures < job.effort.failures and factor < _CLOSE_ENOUGH:
        best = holding(rungs)[-1]
        density = best.density * factor
        if density < fewest:
            factor = factor**0.5
            continue
        rungs.append((yield from _rung(job, best, density, floor)))
        failures += not rungs[-1].holds
        factor = factor**0.5 if failures else _FACTOR
    return rungs


def holding(rungs: Sequence[Stage]) -> list[Stage]:
    """Return the rungs that hold, the sparsest last."""
    return sorted((rung for rung in rungs if rung.holds), key=lambda rung: -rung.density)


def _rung(job: Compression, start: Stage, density: float, floor: float) -> Steps[Stage]:
    gradual = Gradual((Assignment(ALL, 1 - density),), PruneOptions("lamp"), _RISE)
    training = job.training(job.effort.rung, job.options.lr)
    pruned = yield from retrain(
        start.model, job.task, training, gradual, job.distillation, job.referee.references
    )
    return (yield from judge_stage(job, f"prune to {density:.2%}", pruned.model, floor))
