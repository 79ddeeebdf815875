"""Pruning: which weights to cut, apart from when and from training.

importance   a score for each weight
mask         scores and a sparsity → which weights stay
schedule     the sparsity at each moment of a training that prunes as it goes
passes       the pass: a model and sparsities → a model with more zeros
"""

from cortado.prune.importance import Method
from cortado.prune.mask import Pool, Scope, check_survivors, draw_masks, make_pools
from cortado.prune.passes import (
    LayerSparsity,
    Pruned,
    PruneOptions,
    prune,
    prune_by_quality,
    prune_further,
)
from cortado.prune.schedule import CubicSchedule

__all__ = [
    "CubicSchedule",
    "LayerSparsity",
    "Method",
    "Pool",
    "PruneOptions",
    "Pruned",
    "Scope",
    "check_survivors",
    "draw_masks",
    "make_pools",
    "prune",
    "prune_by_quality",
    "prune_further",
]
