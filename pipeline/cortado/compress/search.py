"""Along a chain of plans: where the limit is likely to lie, and which plans hold.

The first is found by bisection on images that guide the search, the second by testing plan after
plan on validation images, in an order that these have no part in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import onnx_ir as ir

from cortado.compress.stages import Compression, Stage
from cortado.data import Samples
from cortado.model.graph.constants import have_same_weights
from cortado.plan import Plan, prune_by_plan, share_by_plan
from cortado.progress import Progress, Steps
from cortado.quantize import share_biases
from cortado.repair import RepairOptions, repair
from cortado.scoring.judge import Judge, ScoredSamples
from cortado.stats.noninferior import Limit

__all__ = ["Search", "sequence"]

_BACK = (16, 8, 4, 2, 1)  # steps before the place where the limit seems to lie


@dataclass
class Search:
    """A chain of plans, and what they are carried out on.

    Attributes
    ----------
    job : Compression
        What is asked.
    dense : onnx_ir.Model
        The model that plans prune and share.
    chain : sequence of Plan
        From gentle to small.
    fitted : Samples
        What least squares fit.
    guide : Judge
        Judges models on training samples that nothing is fitted to.
    limit : Limit
        What may be lost on validation samples.
    bias_bits : int or None
        The bits that biases share values at; None leaves them as they are.
    models : dict of int to onnx_ir.Model
        The models so far, by their place on the chain.
    """

    job: Compression
    dense: ir.Model
    chain: Sequence[Plan]
    fitted: Samples
    guide: Judge
    limit: Limit
    bias_bits: int | None
    models: dict[int, ir.Model] = field(default_factory=dict)

    def likely(self) -> Steps[int]:
        """Return the last place on the chain that would hold, if all samples were as the guide."""
        referee, dense = self.guide, self.guide.dense
        low, high = 0, len(self.chain)
        while high - low > 1:
            middle = (low + high) // 2
            scored = referee.score((yield from self.model(middle)))
            drop = dense.drop_to(scored)
            message = f"{self.name(middle)}: {self.job.task.metric.name} worse by {drop:.4f}"
            yield Progress("plans", 1, 1, (), message)
            if self._holds(dense, scored):
                low = middle
            else:
                high = middle
        return low

    def confirmed(self, likely: int) -> Steps[list[Stage]]:
        """Return the models that were tested on validation samples; only the last may fail."""
        judged = list[Stage]()
        for place in sequence(likely, len(self.chain)):
            model = yield from self.model(place)
            holds = partial(self._holds, self.job.referee.dense)
            stage = yield from self.job.stage(self.name(place), model, holds)
            yield stage.told(" is within the limit" if stage.holds else " may be beyond the limit")
            judged.append(stage)
            if not stage.holds:
                break
        return judged

    def _holds(self, dense: ScoredSamples, changed: ScoredSamples) -> bool:
        return self.limit.shows_within(dense.metric, dense.parts, changed.parts)

    def name(self, place: int) -> str:
        """Return what a plan is called: what its file takes is not known before it is made."""
        return f"plan {place + 1} of {len(self.chain)}"

    def model(self, place: int) -> Steps[ir.Model]:
        """Return the dense model pruned and shared by a plan, and fitted after either."""
        if place not in self.models:
            self.models[place] = yield from self._carried_out(self.chain[place])
        return self.models[place]

    def _carried_out(self, plan: Plan) -> Steps[ir.Model]:
        fitted = yield from self._fitted(prune_by_plan(self.dense, plan).model)
        shared = share_by_plan(fitted, plan, bits=self.job.options.bits).model
        refitted = yield from self._fitted(shared)
        if self.bias_bits is None:
            return refitted
        return self._unless_dense(share_biases(refitted, self.bias_bits).model)

    def _fitted(self, model: ir.Model) -> Steps[ir.Model]:
        """Return a model with what is left fitted; the dense model itself where nothing is cut."""
        if self._unless_dense(model) is self.dense:
            return self.dense
        asked, held = self.job.options, self.guide.samples
        options = RepairOptions(seed=asked.seed, runtime=asked.runtime)
        return (yield from repair(model, self.dense, self.fitted, held, options)).model

    def _unless_dense(self, model: ir.Model) -> ir.Model:
        """Return a model, or the dense one, which is scored already, for one with its weights."""
        return self.dense if have_same_weights(model, self.dense) else model


def sequence(likely: int, length: int) -> Iterator[int]:
    """Yield places on a chain, from its begin to its end, step by step from about `likely` on."""
    yield from sorted({0, *(max(0, likely - steps) for steps in _BACK)})
    yield from range(max(1, likely), length)
