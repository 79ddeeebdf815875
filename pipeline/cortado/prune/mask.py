"""Masks: which weights stay.

A pool is a set of weights that share one threshold t: a layer, or with scope ``global`` all
layers that were given their sparsity by the same assignment. t is the importance that a
fraction `sparsity` of the pool does not exceed.

    hard mask      a weight stays where its importance exceeds t
    random below   a weight with |w| ≥ t stays; one below stays with probability |w| / t

A weight that is zero counts as pruned and never returns, so masks only shrink. A round that cuts
a fraction c of the n weights that a pool of N has left asks for the sparsity (N − n + ⌈c · n⌉) / N.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.errors import UsageError
from cortado.model.layers.selector import Assignment
from cortado.model.typing import BoolArray, FloatArray
from cortado.prune.importance import Method, importance

__all__ = [
    "Pool",
    "Scope",
    "check_survivors",
    "cut_further",
    "draw_masks",
    "make_pools",
    "threshold",
]

Scope = Literal["layer", "global"]


@dataclass(frozen=True)
class Pool:
    """Layers, by the names of their initializers, that share one threshold."""

    keys: tuple[str, ...]
    sparsity: float


def make_pools(assigned: Mapping[str, Assignment[float]], scope: Scope) -> list[Pool]:
    """Divide the layers that were given a sparsity into pools.

    Parameters
    ----------
    assigned : mapping of str to Assignment
        Initializer name → the assignment that won, as `selector.assign` returns it.
    scope : {"layer", "global"}
        One pool a layer, or one for each assignment.

    Raises
    ------
    UsageError
        If a sparsity is outside 0 ≤ s < 1.
    """
    for assignment in assigned.values():
        if not 0 <= assignment.value < 1:
            raise UsageError(
                f"{assignment.value:g} of {assignment.selector} is no fraction to prune: "
                "it must be at least 0 and less than 1"
            )
    if scope == "layer":
        return [Pool((key,), assignment.value) for key, assignment in assigned.items()]
    members: dict[Assignment[float], list[str]] = {}
    for key, assignment in assigned.items():
        members.setdefault(assignment, []).append(key)
    return [Pool(tuple(keys), assignment.value) for assignment, keys in members.items()]


def cut_further(pool: Pool, weights: Mapping[str, FloatArray]) -> Pool:
    """Return the pool of the same layers whose sparsity is a fraction of all their weights.

    Parameters
    ----------
    pool : Pool
        Its sparsity is the fraction to cut of the weights that are left.
    weights : mapping of str to array
        Initializer name → weights of any shape.
    """
    size = sum(weights[key].size for key in pool.keys)
    left = sum(int(np.count_nonzero(weights[key])) for key in pool.keys)
    return Pool(pool.keys, (size - left + _count(left, pool.sparsity)) / size)


def draw_masks(
    weights: Mapping[str, FloatArray],
    pools: Sequence[Pool],
    method: Method,
    seed: int | np.random.Generator,
) -> dict[str, BoolArray]:
    """Return the masks of every layer in the pools: True where a weight stays.

    Parameters
    ----------
    weights : mapping of str to array
        Initializer name → weights of any shape.
    pools : sequence of Pool
        Each with a sparsity in 0…1; the fraction of zeros that results is at least that,
        except with ``random-below``, and more where weights tie with the threshold.
    method : str
        See `importance`.
    seed : int or numpy.random.Generator
        Only ``random-below`` draws. From a number each pool draws anew, so that what it gets does
        not depend on the others; a generator goes on from pool to pool.
    """
    masks: dict[str, BoolArray] = {}
    for pool in pools:
        generator = np.random.default_rng(seed)
        scores = {key: importance(weights[key], method) for key in pool.keys}
        limit = threshold(list(scores.values()), pool.sparsity)
        for key, score in scores.items():
            stays = score > limit
            if method == "random-below" and limit > 0:
                stays |= generator.random(score.shape, np.float32) * limit < score
            masks[key] = stays & (weights[key] != 0)
    return masks


def check_survivors(weights: Mapping[str, FloatArray], masks: Mapping[str, BoolArray]) -> None:
    """Raise `UsageError` if a layer would lose all of its weights: nothing passes it then."""
    for key, mask in masks.items():
        if not mask.any() and weights[key].any():
            raise UsageError(f"{key} would lose all of its {mask.size} weights: prune it less")


def threshold(scores: Sequence[FloatArray], sparsity: float) -> float:
    """Return the smallest score that a fraction `sparsity` of all scores does not exceed.

    A sparsity of 0 gives −1, which every score exceeds.
    """
    flat = np.concatenate([score.reshape(-1) for score in scores])
    cut = _count(flat.size, sparsity)
    return float(np.partition(flat, cut - 1)[cut - 1]) if cut else -1.0


def _count(size: int, fraction: float) -> int:
    """Return the fewest of `size` weights that are at least a fraction of them."""
    count = round(fraction * size)
    return count + (size > 0 and count / size < fraction)
