"""Without training: sweep → plans → prune → least squares → weight sharing → least squares.

A sweep of the dense model gives a chain of plans, from gentle to small, under losses that add up.
As least squares gain back much of what a plan loses, how far along the chain one may go is found
by trying: a plan is carried out, its biases shared, and the answers of the model compared with
those of the dense one.

All that makes or orders the plans sees training images alone: some that least squares fit, and
others, for the sweep, that tell by bisection about where on the chain the limit lies. From well
before that place on, plan after plan must hold on the validation images (see `noninferior`), and
the first that does not ends the search. As the validation images have no part in the order of the
plans, such a sequence of tests, each at 5 %, passes a plan that loses more with a probability of
5 %, however many it has (Maurer, Hothorn and Lehmacher 1995); of all that held, the smallest file
is taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from cortado.compress.curves import BITS, measure_curves
from cortado.compress.noninferior import Limit
from cortado.compress.options import BIAS_BITS, CompressOptions
from cortado.compress.stages import Stage, Task, measured
from cortado.data import Samples
from cortado.data.samples import Subset
from cortado.emit import emit
from cortado.errors import LimitNotMetError
from cortado.model.selector import ALL, Assignment
from cortado.plan import Judge, Plan, bits_of, make_plans, prune_by_plan
from cortado.quantize import quantize, share_biases
from cortado.repair import RepairOptions, repair
from cortado.sensitivity import DEFAULT_RATES, Images, Table
from cortado.steps import Progress, Steps

__all__ = ["fit_small"]

_BEYOND = (0.985, 0.99, 0.995)  # least squares make up for more zeros than a sweep shows
_BACK = (16, 8, 4, 2, 1)  # steps before the place where the limit seems to lie
_MOST_GUIDING = 3  # of so many training images one is kept from the fit


def fit_small(task: Task, dense: Stage) -> Steps[tuple[list[Stage], Table]]:
    """Return every model that was judged, in the order of the search, and the sweep.

    The last model is the smallest that holds.

    Raises
    ------
    LimitNotMetError
        If no plan holds.
    CortadoError
        If no layer can be fitted.
    """
    options = task.options
    limit = Limit(_allowed_drop(dense, options), len(task.data.val))
    fitted, guiding = _divided(task)
    guide = Images(guiding, task.data.classes, task.head, split="train")
    bits = [each for each in BITS if each <= (options.bits or BITS[-1])]
    rates = (*DEFAULT_RATES, *_BEYOND)
    table = yield from measure_curves(guide, dense.model, options, ("prune", "bits"), rates, bits)
    chain = _thinned((yield from make_plans(dense.model, table)), task.effort.step)
    search = _Search(task, dense.model, chain, fitted, guide, limit)
    yield Progress("limit", 1, 1, (), _told(limit))
    judged = yield from search.confirmed((yield from search.likely()))
    held = [stage for stage in judged if stage.holds]
    if not held:
        raise LimitNotMetError(
            f"without training no plan is sure to lose {limit.drop:.4f} of the accuracy at most: "
            f"the gentlest has {judged[0].val.accuracy:.4f} on {limit.images:,} validation images, "
            f"the dense model {dense.val.accuracy:.4f}; allow a larger drop, or train"
        )
    smallest = min(held, key=lambda stage: _file_size(task, stage))
    return [*(stage for stage in judged if stage is not smallest), smallest], table


def _allowed_drop(dense: Stage, options: CompressOptions) -> float:
    if options.min_accuracy is None:
        return options.max_drop
    if dense.val.accuracy < options.min_accuracy:
        raise LimitNotMetError(
            f"the dense model reaches {dense.val.accuracy:.4f} on the validation images, less than "
            f"the {options.min_accuracy:g} that its pruned ones should"
        )
    return dense.val.accuracy - options.min_accuracy


def _told(limit: Limit) -> str:
    """Say what is asked of the validation images."""
    given = f"{limit.images:,} validation images"
    if limit.is_testable:
        return f"a plan holds where {given} show, at 95 %, that it loses less than {limit.drop:.4f}"
    return (
        f"{given} are too few to show that less than {limit.drop:.4f} are lost: a plan holds where "
        "it loses none of them more than it gains"
    )


def _divided(task: Task) -> tuple[Samples, Samples]:
    """Return training images to fit, and others to choose plans by."""
    train, effort = task.data.train, task.effort
    order = np.random.default_rng(task.options.seed).permutation(len(train))
    guiding = max(1, min(effort.images, len(train) // _MOST_GUIDING))
    parts = order[:guiding], order[guiding : guiding + effort.fitted]
    guide, fitted = (Subset(train, np.sort(part)) for part in parts)
    return fitted, guide


def _file_size(task: Task, stage: Stage) -> tuple[int, float]:
    """Return the bytes of a model's file; of equal ones, the less accurate counts as larger."""
    return len(emit(stage.model, task.options.storage).data), -stage.val.accuracy


def _thinned(plans: Sequence[Plan], step: float) -> list[Plan]:
    """Return a chain whose neighbours differ by a few percent of their bytes."""
    chain = [plans[0]]
    for plan in plans[1:]:
        if plan.expected.bytes <= step * chain[-1].expected.bytes:
            chain.append(plan)
    return chain


@dataclass
class _Search:
    """A chain of plans, what they are carried out on, and the models so far by their place."""

    task: Task
    dense: ir.Model
    chain: Sequence[Plan]
    fitted: Samples
    guide: Images
    limit: Limit
    models: dict[int, ir.Model] = field(default_factory=dict)

    def likely(self) -> Steps[int]:
        """Return the last place on the chain that would hold, if all images were as the guide's."""
        referee = Judge(self.dense, self.guide)
        share = self.limit.images / len(self.guide.samples)
        low, high = 0, len(self.chain)
        while high - low > 1:
            middle = (low + high) // 2
            lost, gained = referee.compare((yield from self._model(middle)))
            yield Progress("plans", 1, 1, (), f"{self._name(middle)}: {lost} lost, {gained} gained")
            if self.limit.holds(share * lost, share * gained):
                low = middle
            else:
                high = middle
        return low

    def confirmed(self, likely: int) -> Steps[list[Stage]]:
        """Return the models that were tested on the validation images; only the last may fail."""
        data, judged = self.task.data, list[Stage]()
        referee = Judge(self.dense, Images(data.val, data.classes, self.task.head))
        for place in _sequence(likely, len(self.chain)):
            model = yield from self._model(place)
            holds = self.limit.holds(*referee.compare(model))
            stage = yield from measured(self.task, self._name(place), model, holds=holds)
            yield stage.told(" holds" if holds else " may have lost more")
            judged.append(stage)
            if not holds:
                break
        return judged

    def _name(self, place: int) -> str:
        return f"plan of {self.chain[place].expected.bytes:,.0f} bytes"

    def _model(self, place: int) -> Steps[ir.Model]:
        """Return the dense model pruned and shared by a plan, and fitted after either."""
        if place not in self.models:
            self.models[place] = yield from self._carried_out(self.chain[place])
        return self.models[place]

    def _carried_out(self, plan: Plan) -> Steps[ir.Model]:
        options, held = RepairOptions(seed=self.task.options.seed), self.guide.samples
        pruned = prune_by_plan(self.dense, plan).model
        fitted = yield from repair(pruned, self.dense, self.fitted, held, options)
        most = Assignment(ALL, self.task.options.bits or BITS[-1])  # where values are left free
        shared = quantize(fitted.model, [most, *bits_of(plan, self.dense)]).model
        refitted = yield from repair(shared, self.dense, self.fitted, held, options)
        return share_biases(refitted.model, BIAS_BITS).model


def _sequence(likely: int, length: int) -> Iterator[int]:
    """Yield places on a chain, from its begin to its end, step by step from about `likely` on."""
    yield from sorted({0, *(max(0, likely - steps) for steps in _BACK)})
    yield from range(max(1, likely), length)
