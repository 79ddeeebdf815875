"""The plan that meets a budget.

The knapsack gives a chain of plans, from gentle to small, under losses that add up. Layers that
are changed together lose more, or less, than that: with samples, the plans of the chain are put
together and measured beside the dense model, and bisection finds the smallest that

    upper end of the 95 % interval of the drop ≤ max_drop

and, where there is a floor, ≤ the drop from the dense model's metric to it.

As bisection takes a chain for falling that only nearly is, a few plans behind the last that held
are tried too, each a few percent smaller than the one before. The interval is that of as many
other samples, see `cortado.stats.paired`. Without samples the drop is the sum of what the layers
lost alone, and its interval wider, as nobody looked at the layers together. Drops are in the units
of the metric of the table, and positive where it gets worse.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError, LimitNotMetError
from cortado.model.hashing import hash_model
from cortado.model.layers.prunable import Layer, find_layers, replace_weights
from cortado.plan.choices import Choice, chosen_weights, measure_choices
from cortado.plan.document import Expectation, LayerPlan, Plan
from cortado.plan.forecast import predict_sum
from cortado.plan.knapsack import best_combinations
from cortado.plan.options import Budget
from cortado.progress import Progress, Steps
from cortado.prune import Method
from cortado.scoring.judge import Judge
from cortado.scoring.task import Task
from cortado.sensitivity import Row, Swept, Table
from cortado.stats.paired import Drop, paired_drop
from cortado.treatments import Selection, all_treatments, treatment_named

__all__ = ["make_plan", "make_plans"]

_LOOK_AHEAD = 6
_STEP = 0.97  # each of those takes so much of the bytes of the one before
_TIE = 1e-3  # where losses tie, as all that are 0 do, the surer choice is the gentler one


@dataclass(frozen=True)
class _Planning:
    """The model to plan for, and how plans are judged; `dense` is its row of the table."""

    model: ir.Model
    layers: Mapping[str, Layer]
    selection: Selection
    judge: Judge | None
    dense: Row

    @property
    def value(self) -> float:
        """The metric of the dense model: of the samples, or of the table."""
        return (self.dense.value or 0.0) if self.judge is None else self.judge.dense.value

    def allowed_drop(self, budget: Budget) -> float:
        """Return how much worse the metric may get.

        Raises
        ------
        LimitNotMetError
            If the dense model misses the floor.
        """
        better = self.dense.higher_is_better
        allowed = budget.limit.drop_from(self.value, higher_is_better=better)
        if allowed < 0:
            raise LimitNotMetError(
                f"the {self.dense.metric} of the dense model is {self.value:.4f}, worse than the "
                f"floor of {budget.floor:g}"
            )
        return allowed

    def plan(self, choices: Sequence[Choice]) -> Plan:
        """Return the plan of one choice a layer, with what to expect of it."""
        value, samples = self.value, 0
        if self.judge is None:
            drop, low, high = predict_sum(choices)
        else:
            samples = len(self.judge.samples)
            found = self._measured(self.judge, choices)
            drop, low, high = found.mean, found.low, found.high
        expected = Expectation(
            metric=self.dense.metric,
            better="higher" if self.dense.higher_is_better else "lower",
            value=_finite(value - drop if self.dense.higher_is_better else value + drop),
            drop=_finite(drop),
            drop_low=_finite(low),
            drop_high=_finite(high),
            bytes=_size(choices),
            sparsity=_sparsity(choices),
            samples=samples,
        )
        layers = tuple(self._layer(choice) for choice in choices)
        return Plan(self.dense.model, self.selection.method, self.selection.seed, layers, expected)

    def _layer(self, choice: Choice) -> LayerPlan:
        shape = self.layers[choice.layer].array.shape
        return LayerPlan(choice.layer, shape, choice.levels, choice.loss, choice.size)

    def _measured(self, judge: Judge, choices: Sequence[Choice]) -> Drop:
        weights = {
            self.layers[choice.layer].key: chosen_weights(self.layers[choice.layer], choice)
            for choice in choices
        }
        changed = judge.score(replace_weights(self.model, weights))
        return paired_drop(changed.metric, judge.dense.parts, changed.parts)


def make_plan(
    model: ir.Model, table: Table, budget: Budget, swept: Swept | None = None
) -> Steps[Plan]:
    """Return the plan that meets a budget.

    Parameters
    ----------
    model : onnx_ir.Model
        The dense model; left as it is.
    table : Table
        A sweep of it, see `cortado.sensitivity`.
    budget : Budget
        What to keep to.
    swept : Swept, optional
        Validation samples, with a task that counts as the table does: the plan is chosen by what
        all layers lose together on them. Without them, by the sum of what each lost alone.

    Raises
    ------
    LimitNotMetError
        If no plan meets the budget.
    CortadoError
        If the table is of another model or metric, of several methods, or has no points.
    """
    task = _planning(model, table, swept)
    allowed = task.allowed_drop(budget)
    chain = yield from _chain(task, table, of_zeros=budget.target_sparsity is not None)
    if budget.target_bytes is None and budget.target_sparsity is None:
        return (yield from _smallest(task, chain, allowed))
    plan = task.plan(_first_within(chain, budget))
    if budget.limit.is_stated and not _holds(plan, allowed):
        raise LimitNotMetError(f"{_told(plan)}, more than {allowed:g}, at this target")
    return plan


def make_plans(model: ir.Model, table: Table, step: float = 1.0) -> Steps[list[Plan]]:
    """Return all plans that no other beats in bytes and loss, gentle ones first.

    Each takes at most `step` of the bytes of the one before: those between are left out. What to
    expect of them is the sum of what the layers lost alone; other parameters, and errors, are those
    of `make_plan`.
    """
    task = _planning(model, table, None)
    chain = yield from _chain(task, table, of_zeros=False)
    return [task.plan(choices) for choices in _thinned(chain, step)]


def _chain(task: _Planning, table: Table, *, of_zeros: bool) -> Steps[list[list[Choice]]]:
    """Return the combinations that are not beaten in loss and bytes, or in loss and zeros."""
    treatments = [each for each in all_treatments() if each.makes_zeros or not of_zeros]
    layers = list(task.layers.values())
    choices = yield from measure_choices(layers, table, treatments, task.selection)
    costs = [np.array([c.left if of_zeros else c.size for c in each]) for each in choices]
    losses = [np.array([c.loss + _TIE * c.bound for c in each]) for each in choices]
    return [
        [each[index] for each, index in zip(choices, row, strict=True)]
        for row in best_combinations(costs, losses)
    ]


def _planning(model: ir.Model, table: Table, swept: Swept | None) -> _Planning:
    dense, known = table.dense, hash_model(model)
    if dense is None:
        raise CortadoError("the table lacks the row of the dense model")
    if dense.model != known:
        raise CortadoError(f"the table is of another model: {dense.model}, not {known}")
    curves = [curve for curve in table.curves if treatment_named(curve.treatment).selects]
    methods = {(curve.method, curve.seed) for curve in curves}
    if len(methods) > 1:
        names = ", ".join(f"{method} (seed {seed})" for method, seed in sorted(methods))
        raise CortadoError(f"the tables are of several methods, and a plan of one: {names}")
    method, seed = next(iter(methods), ("magnitude", 0))
    judge = None
    if swept is not None:
        _check_counted(swept.task, swept.output, dense)
        judge = Judge(swept.task, swept.samples)
    layers = {layer.name: layer for layer in find_layers(model).prunable}
    return _Planning(model, layers, Selection(cast(Method, method), seed), judge, dense)


def _check_counted(task: Task, output: str, dense: Row) -> None:
    """Refuse a task that does not count as the table does."""
    metric = task.metric
    pairs = (
        ("metric", metric.name, dense.metric),
        ("direction of the metric", "higher" if metric.higher_is_better else "lower", dense.better),
        ("way of counting", f"against the {metric.against}", f"against the {dense.against}"),
        ("output", output, dense.output),
    )
    for what, own, swept in pairs:
        if own != swept:
            raise CortadoError(f"the table is of another {what}: {swept}, not {own}")


def _smallest(task: _Planning, chain: Sequence[Sequence[Choice]], max_drop: float) -> Steps[Plan]:
    """Return the last plan of the chain that holds, by bisection."""
    best = task.plan(chain[0])
    if not _holds(best, max_drop):
        raise LimitNotMetError(f"{_told(best)}, more than {max_drop:g}, though it is the gentlest")
    low, high = 0, len(chain)  # low holds, high does not
    total = high.bit_length() + _LOOK_AHEAD
    step = 0
    while high - low > 1:
        step += 1
        yield Progress("plans", step, total)
        middle = (low + high) // 2
        plan = task.plan(chain[middle])
        if _holds(plan, max_drop):
            low, best = middle, plan
        else:
            high = middle
    for choices in _thinned(chain[high:], _STEP)[1 : 1 + _LOOK_AHEAD]:
        step += 1
        yield Progress("plans", step, total)
        plan = task.plan(choices)
        if _holds(plan, max_drop):
            best = plan
    yield Progress("plans", total, total)
    return best


def _thinned(chain: Sequence[Sequence[Choice]], step: float) -> list[Sequence[Choice]]:
    """Return the first, and what takes at most `step` of the bytes of the one before."""
    found: list[Sequence[Choice]] = []
    for choices in chain:
        if not found or _size(choices) <= step * _size(found[-1]):
            found.append(choices)
    return found


def _size(choices: Sequence[Choice]) -> float:
    return sum(choice.size for choice in choices)


def _sparsity(choices: Sequence[Choice]) -> float:
    return sum(choice.zeros for choice in choices) / sum(choice.weights for choice in choices)


def _first_within(chain: Sequence[Sequence[Choice]], budget: Budget) -> Sequence[Choice]:
    """Return the gentlest combination that reaches the target."""
    for choices in chain:
        size, sparsity = _size(choices), _sparsity(choices)
        if budget.target_bytes is not None and size <= budget.target_bytes:
            return choices
        if budget.target_sparsity is not None and sparsity >= budget.target_sparsity:
            return choices
    if budget.target_bytes is not None:
        raise LimitNotMetError(
            f"the smallest plan takes {size:,.0f} bytes, more than {budget.target_bytes:,.0f}"
        )
    raise LimitNotMetError(
        f"the sparsest plan has {sparsity:.2%} zeros, less than {budget.target_sparsity:.2%}"
    )


def _holds(plan: Plan, max_drop: float) -> bool:
    """Return whether a plan keeps a limit; one whose drop has no upper end does not."""
    return plan.expected.drop_high is not None and plan.expected.drop_high <= max_drop


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _told(plan: Plan) -> str:
    expected = plan.expected
    drop, low, high = map(_show, (expected.drop, expected.drop_low, expected.drop_high))
    return f"the plan is expected to worsen {expected.metric} by {drop}, {low} to {high}"


def _show(value: float | None) -> str:
    return "any number" if value is None else f"{value:.4f}"
