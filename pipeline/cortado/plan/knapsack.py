"""The multiple-choice knapsack, for every budget at once.

Layer after layer, the front of all combinations so far that no other beats in both cost and loss
is joined with the choices of the next layer:

    front_l = pareto { (c + cost(x), d + loss(x)) : (c, d) in front_{l−1}, x in choices of l }

Losses add up, which is not exact; the planner measures what comes out. A front of more than a few
thousand points is thinned: within each of as many equal steps of log cost the least loss stays.
"""

from collections.abc import Sequence

import numpy as np

from cortado.model.typing import FloatArray, IntArray

__all__ = ["best_combinations"]

_MOST = 4000


def best_combinations(costs: Sequence[FloatArray], losses: Sequence[FloatArray]) -> IntArray:
    """Return the combinations that are not beaten, dear ones first.

    Parameters
    ----------
    costs, losses : sequence of arrays of shape (choices of the layer,)
        Costs above zero.

    Returns
    -------
    array of shape (combinations, layers)
        The index of the choice of each layer. From one row to the next the cost falls and the
        loss does not.
    """
    cost, loss = np.zeros(1), np.zeros(1)
    chosen = np.zeros((1, 0), np.int64)
    for more_cost, more_loss in zip(costs, losses, strict=True):
        total = (cost[:, None] + more_cost).reshape(-1)
        worse = (loss[:, None] + more_loss).reshape(-1)
        front = _pareto(total, worse)
        before, own = np.divmod(front, len(more_cost))
        cost, loss = total[front], worse[front]
        chosen = np.column_stack([chosen[before], own])
    return chosen[::-1]


def _pareto(cost: FloatArray, loss: FloatArray) -> IntArray:
    """Return the indices of what nothing beats, cheap ones first."""
    order = np.lexsort((loss, cost))
    least = np.minimum.accumulate(loss[order])
    kept: IntArray = order[np.diff(least, prepend=np.inf) < 0]
    if len(kept) <= _MOST:
        return kept
    logs = np.log(cost[kept])
    bins = np.floor((logs - logs[0]) / (logs[-1] - logs[0]) * _MOST)
    last = np.flatnonzero(np.diff(bins, append=np.inf))  # the least loss of each bin
    thin: IntArray = kept[np.union1d(last, [0])]
    return thin
