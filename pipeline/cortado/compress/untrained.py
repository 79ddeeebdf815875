"""Without training: sweep → plans → prune → least squares → weight sharing → least squares.

A sweep of the dense model gives a chain of plans, from gentle to small, under losses that add up.
As least squares gain back much of what a plan loses, how far along the chain the accuracy holds
is found by trying: a plan is carried out, its biases shared, and the model judged on the validation
images. Bisection closes in on the last that holds, and a few plans past it are tried too, since
accuracy does not fall without exception. Of all models that held, the smallest file wins.

    floor = accuracy of the dense model − max_drop + √(b + c) / n

on n validation images, of which b are lost and c gained. The last term is the standard error of
the drop: without it, the search would take what is small by luck, and the test images would often
show a larger drop than was allowed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from cortado.compress.curves import BITS, measure_curves
from cortado.compress.options import BIAS_BITS
from cortado.compress.stages import Stage, Task, judge
from cortado.data import subset
from cortado.emit import emit
from cortado.errors import LimitNotMetError
from cortado.model.selector import ALL, Assignment
from cortado.plan import Judge, Plan, bits_of, make_plans, prune_by_plan
from cortado.quantize import quantize, share_biases
from cortado.repair import RepairOptions, repair
from cortado.sensitivity import DEFAULT_RATES, Images
from cortado.steps import Steps

__all__ = ["fit_small"]

_BEYOND = (0.985, 0.99, 0.995)  # least squares make up for more zeros than a sweep shows
_STEP = 0.97  # neighbours on the chain: the next takes so much of the bytes of the one before


def fit_small(task: Task, dense: Stage) -> Steps[list[Stage]]:
    """Return every model that was tried, in the order of the search; the last one is the smallest.

    Raises
    ------
    LimitNotMetError
        If no plan holds the floor.
    CortadoError
        If no layer can be fitted.
    """
    options = task.options
    floor = options.min_accuracy
    if floor is None:
        floor = dense.val.accuracy - options.max_drop
    bits = [each for each in BITS if each <= (options.bits or BITS[-1])]
    rates = (*DEFAULT_RATES, *_BEYOND)
    table = yield from measure_curves(task, dense.model, ("prune", "bits"), rates, bits)
    chain = _thinned((yield from make_plans(dense.model, table)))
    referee = Judge(dense.model, Images(task.data.val, task.data.classes, task.head))
    tried = yield from _Search(task, dense.model, floor, referee).along(chain)
    held = [stage for stage in tried if stage.holds]
    if not held:
        best = max(stage.val.accuracy for stage in tried)
        raise LimitNotMetError(
            f"without training no plan reaches {floor:.4f} on the validation images, the best "
            f"{best:.4f}; allow a larger drop, or train"
        )
    smallest = min(held, key=lambda stage: _file_size(task, stage))
    return [*(stage for stage in tried if stage is not smallest), smallest]


def _file_size(task: Task, stage: Stage) -> tuple[int, float]:
    """Return the bytes of a model's file; of equal ones, the less accurate counts as larger."""
    return len(emit(stage.model, task.options.storage).data), -stage.val.accuracy


def _thinned(plans: Sequence[Plan]) -> list[Plan]:
    """Return a chain whose neighbours differ by a few percent of their bytes."""
    chain = [plans[0]]
    for plan in plans[1:]:
        if plan.expected.bytes <= _STEP * chain[-1].expected.bytes:
            chain.append(plan)
    return chain


@dataclass(frozen=True)
class _Search:
    """What plans are carried out on, and what a model must reach."""

    task: Task
    dense: ir.Model
    floor: float
    referee: Judge

    def along(self, chain: Sequence[Plan]) -> Steps[list[Stage]]:
        """Return the models that were tried, in the order of the search."""
        tried: dict[int, Stage] = {}
        low, high = -1, len(chain)  # what is at low holds, what is at high does not
        while high - low > 1:
            middle = (low + high) // 2
            tried[middle] = yield from self._try(chain[middle])
            if tried[middle].holds:
                low = middle
            else:
                high = middle
        for index in range(high + 1, min(high + 1 + self.task.effort.tries, len(chain))):
            if index not in tried:
                tried[index] = yield from self._try(chain[index])
        return list(tried.values())

    def _try(self, plan: Plan) -> Steps[Stage]:
        """Carry out a plan, and judge what comes out."""
        model = yield from _carry_out(self.task, self.dense, plan)
        changed = sum(self.referee.compare(model))
        margin = math.sqrt(changed) / len(self.task.data.val)
        name = f"plan of {plan.expected.bytes:,.0f} bytes"
        return (yield from judge(self.task, name, model, self.floor + margin))


def _carry_out(task: Task, dense: ir.Model, plan: Plan) -> Steps[ir.Model]:
    """Return the dense model pruned and shared by a plan, and fitted after either."""
    data, options = task.data, RepairOptions(seed=task.options.seed)
    images = subset(data.train, task.effort.fitted)
    held = subset(data.val, task.effort.fitted)
    pruned = prune_by_plan(dense, plan).model
    fitted = yield from repair(pruned, dense, images, held, options)
    most = Assignment(ALL, task.options.bits or BITS[-1])  # where the plan leaves values free
    shared = quantize(fitted.model, [most, *bits_of(plan, dense)]).model
    refitted = yield from repair(shared, dense, images, held, options)
    return share_biases(refitted.model, BIAS_BITS).model
