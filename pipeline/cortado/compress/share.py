"""Weight sharing of the sparsest rung that holds, its shared values trained.

Where the user gave no bits, all layers get 4 first; if that does not hold, the rung before it.
Then a sweep of the rung tells what each layer loses by other bits, and the knapsack, which layers
should have more or fewer: the smallest plan that loses so many times what 4 bits everywhere lose.
Training makes up for most of it. What holds and is the smallest file is taken.
"""

from collections.abc import Sequence

from cortado.compress.ladder import holding
from cortado.compress.options import BIAS_BITS
from cortado.compress.stage_curves import measure_curves
from cortado.compress.stages import Compression, Stage, judge_stage
from cortado.errors import LimitNotMetError
from cortado.model.layers.selector import ALL, Assignment
from cortado.plan import Plan, bits_of, make_plans
from cortado.progress import Steps
from cortado.quantize import quantize, share_biases
from cortado.retrain import retrain
from cortado.sensitivity import Table
from cortado.treatments import SharedValues

__all__ = ["share_best"]

_BITS = 4  # of all layers, where the user gave none
_PLANNED = (2, 3, 4, 5, 6)
_LOSSES = (4.0, 1.0)  # of a plan, as multiples of what `_BITS` everywhere lose
_SHARE_LR = 0.1  # of the peak rate: a shared value gathers the gradients of all its members


def share_best(job: Compression, rungs: list[Stage], floor: float) -> Steps[list[Stage]]:
    """Return the shared models that were tried; the last one is the smallest that holds.

    Raises
    ------
    LimitNotMetError
        If none holds.
    """
    bits = job.options.bits or _BITS
    tried: list[Stage] = []
    for rung in reversed(holding(rungs)):
        name, everywhere = f"share {2**bits} values", [Assignment(ALL, bits)]
        tried.append((yield from _share(job, rung, name, everywhere, floor)))
        if tried[-1].holds:
            if job.options.bits is None:
                return (yield from _share_by_plan(job, rung, tried, floor))
            return tried
    raise LimitNotMetError(
        f"no model with {bits}-bit shared weights reaches {floor:.4f} on the "
        "validation samples; allow a larger drop, or take more bits"
    )


def _share_by_plan(
    job: Compression, rung: Stage, tried: list[Stage], floor: float
) -> Steps[list[Stage]]:
    """Try bits of each layer's own; what holds and is smallest comes last."""
    best = tried[-1]
    levels = {SharedValues.name: _PLANNED}
    swept = yield from measure_curves(job.swept, rung.model, job.options, levels)
    table, same = _comparable(swept)
    if not same.curves:
        return tried
    everywhere = (yield from make_plans(rung.model, same))[-1]  # the smallest
    chain = yield from make_plans(rung.model, table)
    for multiple in _LOSSES:
        plan = _smallest_within(chain, multiple * _loss(everywhere))
        if plan is None or plan.expected.bytes >= everywhere.expected.bytes:
            break
        bits = bits_of(plan, rung.model)
        fewest, most = (2 ** pick(each.value for each in bits) for pick in (min, max))
        counts = f"{most}" if fewest == most else f"{fewest} to {most}"
        name = f"share {counts} values"
        others = Assignment(ALL, _BITS)
        planned = yield from _share(job, rung, name, [others, *bits], floor)
        if planned.holds and planned.bytes < best.bytes:
            return [*tried, planned]
        tried = [*tried[:-1], planned, best]
    return tried


def _comparable(table: Table) -> tuple[Table, Table]:
    """Return the layers that `_BITS` change: at all bits, and at these alone.

    A layer of fewer weights than values shares nothing, and has no such point.
    """
    points = {row.layer for row in table.rows if row.level == _BITS and row.value is not None}
    rows = [row for row in table.rows if row.is_dense or row.layer in points]
    same = [row for row in rows if row.is_dense or row.level == _BITS]
    return Table(tuple(rows), mended=False), Table(tuple(same), mended=False)


def _smallest_within(chain: Sequence[Plan], loss: float) -> Plan | None:
    """Return the last plan of a chain, from gentle to small, that loses no more."""
    return next((plan for plan in reversed(chain) if _loss(plan) <= loss), None)


def _loss(plan: Plan) -> float:
    return sum(layer.loss for layer in plan.layers)


def _share(
    job: Compression, rung: Stage, name: str, bits: Sequence[Assignment[int]], floor: float
) -> Steps[Stage]:
    shared = quantize(rung.model, bits)
    training = job.training(job.effort.share, _SHARE_LR * job.options.lr)
    trained = yield from retrain(
        shared.model, job.task, training, None, job.distillation, job.referee.references
    )
    model = share_biases(trained.model, BIAS_BITS).model
    return (yield from judge_stage(job, name, model, floor))
