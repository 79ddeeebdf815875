"""Weight sharing of the sparsest rung that holds, its shared values trained."""

from cortado.compress.ladder import holding
from cortado.compress.options import BIAS_BITS
from cortado.compress.stages import Stage, Task, judge
from cortado.errors import LimitNotMetError
from cortado.model.selector import ALL, Assignment
from cortado.quantize import quantize, share_biases
from cortado.retrain import retrain
from cortado.steps import Steps

__all__ = ["share_best"]

_SHARE_LR = 0.1  # of the peak rate: a shared value gathers the gradients of all its members


def share_best(task: Task, rungs: list[Stage], floor: float) -> Steps[list[Stage]]:
    """Share the weights of the sparsest rung; if that does not hold, of the one before."""
    bits = task.options.bits or 4
    tried: list[Stage] = []
    for rung in reversed(holding(rungs)):
        tried.append((yield from _share(task, rung, bits, floor)))
        if tried[-1].holds:
            return tried
    raise LimitNotMetError(
        f"no model with {bits}-bit shared weights reaches {floor:.4f} on the "
        "validation images; allow a larger drop, or take more bits"
    )


def _share(task: Task, rung: Stage, bits: int, floor: float) -> Steps[Stage]:
    shared = quantize(rung.model, (Assignment(ALL, bits),))
    training = task.training(task.effort.share, _SHARE_LR * task.options.lr)
    trained = yield from retrain(
        shared.model, task.data, training, task.head, None, task.distillation
    )
    model = share_biases(trained.model, BIAS_BITS).model
    return (yield from judge(task, f"share {2**bits} values", model, floor))
