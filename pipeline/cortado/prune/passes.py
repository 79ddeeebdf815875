"""The pruning pass: a model and sparsities → a model with more zeros."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.invariants import check_zeros
from cortado.model.layers.prunable import (
    Layers,
    Skipped,
    check_finite,
    find_layers,
    replace_weights,
)
from cortado.model.layers.selector import Assignment, assign
from cortado.model.typing import BoolArray, FloatArray
from cortado.prune.importance import Method, deviation
from cortado.prune.mask import (
    Scope,
    check_survivors,
    cut_further,
    draw_masks,
    make_pools,
)

__all__ = [
    "LayerSparsity",
    "PruneOptions",
    "Pruned",
    "prune",
    "prune_by_quality",
    "prune_further",
]


@dataclass(frozen=True)
class PruneOptions:
    """How to choose the weights to cut.

    Attributes
    ----------
    method : str
        See `importance`.
    scope : str or None
        One threshold a ``layer``, or one for all layers (``global``). None leaves it to the
        method: ``global`` for ``std`` and ``lamp``, which compare layers, else ``layer``.
    seed : int
        For ``random-below``.
    """

    method: Method = "magnitude"
    scope: Scope | None = None
    seed: int = 0

    @property
    def effective_scope(self) -> Scope:
        """The scope, with the default of the method."""
        return self.scope or ("global" if self.method in ("std", "lamp") else "layer")


@dataclass(frozen=True)
class LayerSparsity:
    """The result for one layer: its weights, and the zeros among them before and after."""

    name: str
    weights: int
    zeros_before: int
    zeros_after: int


@dataclass(frozen=True)
class Pruned:
    """A pruned model, what was done to each prunable layer, and which are not prunable."""

    model: ir.Model
    layers: tuple[LayerSparsity, ...]
    skipped: tuple[Skipped, ...]

    @property
    def sparsity(self) -> float:
        """Fraction of zeros in all prunable layers together."""
        return sum(x.zeros_after for x in self.layers) / sum(x.weights for x in self.layers)


def prune(
    model: ir.Model,
    sparsities: Sequence[Assignment[float]],
    options: PruneOptions = PruneOptions(),
) -> Pruned:
    """Cut weights until each layer, or all of them together, has the wanted fraction of zeros.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is. Its zeros count as pruned already, and stay.
    sparsities : sequence of Assignment
        Fraction of zeros for each selector, 0 ≤ s < 1. Layers that none selects stay.
    options : PruneOptions
        Method, scope and seed.

    Raises
    ------
    UsageError
        If a sparsity is outside 0 ≤ s < 1, a selector matches no layer, or a layer would lose
        all of its weights.
    """
    chosen = _Chosen.of(model, sparsities)
    pools = make_pools(chosen.assigned, options.effective_scope)
    return chosen.cut(draw_masks(chosen.weights, pools, options.method, options.seed))


def prune_further(
    model: ir.Model,
    fractions: Sequence[Assignment[float]],
    options: PruneOptions = PruneOptions(),
) -> Pruned:
    """Cut a fraction of the weights that each layer, or all of them together, have left.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is. Its zeros stay, and do not count.
    fractions : sequence of Assignment
        The fraction to cut for each selector, 0 ≤ c < 1. Layers that none selects stay.
    options : PruneOptions
        Method, scope and seed.

    Raises
    ------
    UsageError
        As for `prune`.
    """
    chosen = _Chosen.of(model, fractions)
    pools = make_pools(chosen.assigned, options.effective_scope)
    further = [cut_further(pool, chosen.weights) for pool in pools]
    return chosen.cut(draw_masks(chosen.weights, further, options.method, options.seed))


def prune_by_quality(model: ir.Model, qualities: Sequence[Assignment[float]]) -> Pruned:
    """Cut the weights of each selected layer with |w| ≤ quality · σ (Han et al. 2015).

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    qualities : sequence of Assignment
        The factor for each selector, ≥ 0; σ is the standard deviation of the layer's weights
        that are not zero.

    Raises
    ------
    UsageError
        If a selector matches no layer, or a layer would lose all of its weights.
    """
    chosen = _Chosen.of(model, qualities)
    limits = {key: assignment.value for key, assignment in chosen.assigned.items()}
    return chosen.cut(
        {
            key: np.abs(array) > limits[key] * deviation(array)
            for key, array in chosen.weights.items()
        }
    )


@dataclass(frozen=True)
class _Chosen:
    """A model, its layers, and those that were given a value, with their weights."""

    model: ir.Model
    layers: Layers
    assigned: Mapping[str, Assignment[float]]
    weights: Mapping[str, FloatArray]

    @classmethod
    def of(cls, model: ir.Model, assignments: Sequence[Assignment[float]]) -> "_Chosen":
        layers = find_layers(model)
        check_finite(layers.prunable)
        assigned = assign(layers.prunable, assignments)
        weights = {layer.key: layer.array for layer in layers.prunable if layer.key in assigned}
        return cls(model, layers, assigned, weights)

    def cut(self, masks: Mapping[str, BoolArray]) -> Pruned:
        """Return the model with the weights that the masks leave."""
        check_survivors(self.weights, masks)
        return _apply(self.model, self.layers, masks)


def _apply(model: ir.Model, layers: Layers, masks: Mapping[str, BoolArray]) -> Pruned:
    report, pruned = [], {}
    for layer in layers.prunable:
        before = layer.array
        after = np.where(masks[layer.key], before, np.float32(0)) if layer.key in masks else before
        pruned[layer.key] = after
        zeros_before = int(before.size - np.count_nonzero(before))
        zeros_after = int(after.size - np.count_nonzero(after))
        report.append(LayerSparsity(layer.name, before.size, zeros_before, zeros_after))
    result = replace_weights(model, pruned)
    check_zeros(model, result)
    return Pruned(result, tuple(report), layers.skipped)
