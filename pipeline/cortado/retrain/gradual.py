"""Pruning while training: masks that shrink along a schedule."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cortado.errors import CortadoError
from cortado.model.layers.prunable import Layer
from cortado.model.layers.selector import assign
from cortado.prune import CubicSchedule, Pool, check_survivors, draw_masks, make_pools
from cortado.retrain.constraints import Constraint, Masked
from cortado.retrain.options import Gradual

__all__ = ["GradualPruning"]


@dataclass(frozen=True)
class GradualPruning:
    """Shrinks the masks of some layers as training goes on.

    Attributes
    ----------
    masked : dict of str to Masked
        Initializer name → the constraint of its layer.
    pools : sequence of (Pool, CubicSchedule)
        What shares a threshold, and how its sparsity rises.
    options : Gradual
        How masks are chosen, and how often.
    generator : numpy.random.Generator
        Only ``random-below`` draws from it.
    """

    masked: dict[str, Masked]
    pools: Sequence[tuple[Pool, CubicSchedule]]
    options: Gradual
    generator: np.random.Generator

    @classmethod
    def over(
        cls, layers: Sequence[Layer], constraints: Sequence[Constraint], options: Gradual
    ) -> "GradualPruning":
        """Prepare to prune those layers that the options select.

        Raises
        ------
        CortadoError
            If a selected layer shares values: pruning goes before weight sharing.
        """
        assigned = assign(layers, options.sparsities)
        masked: dict[str, Masked] = {}
        for layer, constraint in zip(layers, constraints, strict=True):
            if layer.key in assigned:
                if not isinstance(constraint, Masked):
                    raise CortadoError(
                        f"the weights of {layer.name} share values already: prune a model before "
                        "its weights are quantized"
                    )
                masked[layer.key] = constraint
        pools = make_pools(assigned, options.prune.effective_scope)
        weights = {layer.key: layer.array for layer in layers}
        rises = [(pool, CubicSchedule(_sparsity(pool, weights), pool.sparsity)) for pool in pools]
        return cls(masked, rises, options, np.random.default_rng(options.prune.seed))

    def update(self, step: int, steps: int) -> None:
        """Shrink the masks if it is time to, before step `step` of `steps` is taken."""
        last = min(int(self.options.rise * steps), steps - 1)
        if step > last or (step % self.options.every and step != last):
            return
        weights = {key: c.weight.detach().cpu().numpy() for key, c in self.masked.items()}
        pools = [Pool(pool.keys, rise(step / last if last else 1.0)) for pool, rise in self.pools]
        masks = draw_masks(weights, pools, self.options.prune.method, self.generator)
        check_survivors(weights, masks)
        for key, mask in masks.items():
            self.masked[key].shrink(mask)


def _sparsity(pool: Pool, weights: dict[str, np.ndarray]) -> float:
    total = sum(weights[key].size for key in pool.keys)
    return 1 - sum(np.count_nonzero(weights[key]) for key in pool.keys) / total
