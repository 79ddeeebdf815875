"""Without training: sweep → plans → prune → least squares → weight sharing → least squares.

A sweep of the dense model gives a chain of plans, from gentle to small, under losses that add up.
As least squares gain back much of what a plan loses, how far along the chain one may go is found
by trying: a plan is carried out, its biases shared where that alone costs little, and the answers
of the model compared with those of the dense one.

All that makes or orders the plans sees training images alone: some that least squares fit, and
others, for the sweep, that tell by bisection about where on the chain the limit lies. From well
before that place on, plan after plan must hold on the validation samples (see `noninferior`), and
the first that does not ends the search. As the validation samples have no part in the order of the
plans, such a sequence of tests, each at 5 %, passes a plan that loses more with a probability of
5 % at most, however long it is (Maurer, Hothorn and Lehmacher 1995); of all that held, the smallest
file is taken.
"""

import numpy as np
import onnx_ir as ir

from cortado.compress.options import BIAS_BITS
from cortado.compress.search import Search
from cortado.compress.stage_curves import levels_of, measure_curves
from cortado.compress.stages import Compression, Stage
from cortado.data import Samples
from cortado.data.samples import Subset
from cortado.errors import LimitNotMetError
from cortado.model.graph.constants import have_same_weights
from cortado.plan import make_plans
from cortado.progress import Progress, Steps
from cortado.quantize import share_biases
from cortado.scoring.judge import Judge
from cortado.sensitivity import Swept, Table
from cortado.stats.noninferior import Limit
from cortado.treatments import treatment_named

__all__ = ["fit_small", "open_search"]

_MOST_GUIDING = 3  # of so many training images one is kept from the fit
_BIAS_SHARE = 0.25  # of what may be lost, biases alone may take at most


def fit_small(job: Compression, dense: Stage) -> Steps[tuple[list[Stage], Table]]:
    """Return every model that was judged, in the order of the search, and the sweep.

    The last model is the smallest that holds.

    Raises
    ------
    LimitNotMetError
        If no plan holds.
    CortadoError
        If no layer can be fitted.
    """
    search, table = yield from open_search(job, dense)
    judged = yield from search.confirmed((yield from search.likely()))
    held, limit = [stage for stage in judged if stage.holds], search.limit
    if not held:
        raise LimitNotMetError(
            f"without training no plan is sure to lose {limit.drop:.4f} of the "
            f"{job.task.metric.name} at most: the gentlest has {judged[0].val.value:.4f} on "
            f"{limit.images:,} validation samples, the dense model {dense.val.value:.4f}; allow a "
            "larger drop, or train"
        )
    # of files of a size, the better one
    smallest = min(held, key=lambda stage: (stage.bytes, dense.val.drop_to(stage.val)))
    return [*(stage for stage in judged if stage is not smallest), smallest], table


def open_search(job: Compression, dense: Stage) -> Steps[tuple[Search, Table]]:
    """Return the chain of plans, ready to be searched, and the sweep that it is made of."""
    options, task = job.options, job.task
    limit = Limit(_allowed_drop(job, dense), len(task.data.val), task.metric.kind)
    fitted, guiding = _divided(job)
    guide = Swept(task, guiding, split="train")
    levels = {  # least squares make up for more than a sweep shows
        name: (*known, *treatment_named(name).further) for name, known in levels_of(options).items()
    }
    table = yield from measure_curves(guide, dense.model, options, levels)
    chain = yield from make_plans(dense.model, table, job.effort.step)
    yield Progress("limit", 1, 1, (), _told(limit))
    referee = Judge(task, guiding)
    bits = _bias_bits(referee, dense.model, limit)
    return Search(job, dense.model, chain, fitted, referee, limit, bits), table


def _bias_bits(guide: Judge, model: ir.Model, limit: Limit) -> int | None:
    """Return the bits at which biases share values; None where that alone takes too much.

    Biases have the most part in small files, but next to none in those of large layers.
    """
    shared = share_biases(model, BIAS_BITS).model
    if have_same_weights(shared, model):
        return BIAS_BITS
    is_cheap = guide.dense.drop_to(guide.score(shared)) <= _BIAS_SHARE * limit.drop
    return BIAS_BITS if is_cheap else None


def _allowed_drop(job: Compression, dense: Stage) -> float:
    floor = job.options.floor
    if floor is None:
        return job.max_drop
    job.check_reaches("the dense model", dense.val, floor)
    return abs(dense.val.value - floor)


def _told(limit: Limit) -> str:
    """Describe the test on the validation samples."""
    given = f"{limit.images:,} validation samples"
    if limit.is_testable:
        return f"a plan is taken if {given} show at 95 % that it loses less than {limit.drop:.4f}"
    return (
        f"{given} are too few to show a loss below {limit.drop:.4f}: a plan is taken if it loses "
        "none of them more than it gains"
    )


def _divided(job: Compression) -> tuple[Samples, Samples]:
    """Return training images to fit, and others to choose plans by."""
    train, effort = job.task.data.train, job.effort
    order = np.random.default_rng(job.options.seed).permutation(len(train))
    guiding = max(2, min(effort.images, len(train) // _MOST_GUIDING))  # a repair needs two
    parts = order[:guiding], order[guiding : guiding + effort.fitted]
    guide, fitted = (Subset(train, np.sort(part)) for part in parts)
    return fitted, guide
