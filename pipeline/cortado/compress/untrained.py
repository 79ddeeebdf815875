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
5 % at most, however long it is (Maurer, Hothorn and Lehmacher 1995); of all that held, the smallest
file is taken.
"""

import numpy as np

from cortado.compress.curves import measure_curves
from cortado.compress.options import CompressOptions
from cortado.compress.search import Search
from cortado.compress.stages import Stage, Task, file_size
from cortado.data import Samples
from cortado.data.samples import Subset
from cortado.errors import LimitNotMetError
from cortado.plan import make_plans
from cortado.progress import Progress, Steps
from cortado.sensitivity import DEFAULT_BITS, DEFAULT_RATES, Images, Table
from cortado.stats.noninferior import Limit

__all__ = ["fit_small", "open_search"]

_BEYOND = (0.985, 0.99, 0.995)  # least squares make up for more zeros than a sweep shows
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
    search, table = yield from open_search(task, dense)
    judged = yield from search.confirmed((yield from search.likely()))
    held, limit = [stage for stage in judged if stage.holds], search.limit
    if not held:
        raise LimitNotMetError(
            f"without training no plan is sure to lose {limit.drop:.4f} of the accuracy at most: "
            f"the gentlest has {judged[0].val.accuracy:.4f} on {limit.images:,} validation images, "
            f"the dense model {dense.val.accuracy:.4f}; allow a larger drop, or train"
        )
    # of files of a size, the more accurate
    smallest = min(held, key=lambda stage: (file_size(task, stage), -stage.val.accuracy))
    return [*(stage for stage in judged if stage is not smallest), smallest], table


def open_search(task: Task, dense: Stage) -> Steps[tuple[Search, Table]]:
    """Return the chain of plans, ready to be searched, and the sweep that it is made of."""
    options = task.options
    limit = Limit(_allowed_drop(dense, options), len(task.data.val))
    fitted, guiding = _divided(task)
    guide = Images(guiding, task.data.classes, task.head, split="train")
    bits = [each for each in DEFAULT_BITS if each <= (options.bits or DEFAULT_BITS[-1])]
    rates = (*DEFAULT_RATES, *_BEYOND)
    table = yield from measure_curves(guide, dense.model, options, ("prune", "bits"), rates, bits)
    chain = yield from make_plans(dense.model, table, task.effort.step)
    yield Progress("limit", 1, 1, (), _told(limit))
    return Search(task, dense.model, chain, fitted, guide, limit), table


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
    guiding = max(2, min(effort.images, len(train) // _MOST_GUIDING))  # a repair needs two
    parts = order[:guiding], order[guiding : guiding + effort.fitted]
    guide, fitted = (Subset(train, np.sort(part)) for part in parts)
    return fitted, guide
