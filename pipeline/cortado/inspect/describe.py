"""A model layer by layer: the figures behind ``cortado inspect``.

The entropy bound is the order-0 entropy of a layer's values, the zero among them:
with p_v the fraction of weights of value v,

    bits a weight = − Σ p_v log2 p_v

and the table of the distinct values has to be stored too, four bytes each, or those of an
integer. No code that treats weights one by one, without their order, does better; one that knows
where zeros cluster may.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.model.graph.constants import initializers_of
from cortado.model.layers.integers import IntegerWeight, find_integer_weights
from cortado.model.layers.prunable import Layer, Skipped, find_layers
from cortado.model.typing import Array

__all__ = ["Description", "LayerFigures", "describe"]


@dataclass(frozen=True)
class LayerFigures:
    """The figures of one layer, or of several together.

    Attributes
    ----------
    name, op_type : str
        The layer and its operator.
    shape : tuple of int
        Of the weight, in the layout of the node.
    weights, nonzero : int
        Elements in all, and those that are not zero.
    distinct : int
        Distinct non-zero values.
    entropy : float
        The order-0 entropy in bits a weight.
    dense_bytes : int
        Bytes of all weights, zeros among them, in their own type.
    bound_bytes : float
        The entropy bound of the weights and the table of their values, in bytes; no more than
        the weights take as they are.
    """

    name: str
    op_type: str
    shape: tuple[int, ...]
    weights: int
    nonzero: int
    distinct: int
    entropy: float
    dense_bytes: int
    bound_bytes: float

    @property
    def density(self) -> float:
        """Fraction of weights that are not zero."""
        return self.nonzero / max(self.weights, 1)


@dataclass(frozen=True)
class Description:
    """A model in figures.

    Attributes
    ----------
    layers : tuple of LayerFigures
        The prunable layers in graph order, then the integer weights.
    skipped : tuple of Skipped
        Nodes with a weight that cannot be pruned, and why.
    other_bytes : int
        Bytes of all other initializers, such as biases and the steps of integers.
    """

    layers: tuple[LayerFigures, ...]
    skipped: tuple[Skipped, ...]
    other_bytes: int

    @property
    def total(self) -> LayerFigures:
        """All layers together: their values in all, their mean entropy a weight."""
        weights = sum(layer.weights for layer in self.layers)
        bits = sum(layer.entropy * layer.weights for layer in self.layers)
        return LayerFigures(
            name="all",
            op_type="",
            shape=(),
            weights=weights,
            nonzero=sum(layer.nonzero for layer in self.layers),
            distinct=sum(layer.distinct for layer in self.layers),
            entropy=bits / max(weights, 1),
            dense_bytes=sum(layer.dense_bytes for layer in self.layers),
            bound_bytes=sum(layer.bound_bytes for layer in self.layers),
        )


def describe(model: ir.Model) -> Description:
    """Return the figures of every layer of `model`."""
    found = find_layers(model)
    integers = find_integer_weights(model)
    figures = [_figures(layer, layer.array, layer.bits) for layer in found.prunable]
    figures += [_figures(weight, weight.array, weight.bits) for weight in integers]
    keys = {layer.key for layer in found.prunable} | {weight.key for weight in integers}
    return Description(tuple(figures), found.skipped, _other_bytes(model, keys))


def entropy(values: Array) -> float:
    """Return the order-0 entropy of some values, in bits a value."""
    if not values.size:
        return 0.0
    counts = np.unique(values, return_counts=True)[1]
    fractions = counts / values.size
    return max(0.0, float(-(fractions * np.log2(fractions)).sum()))


def _figures(layer: Layer | IntegerWeight, weights: Array, bits: int) -> LayerFigures:
    nonzero = weights[weights != 0]
    distinct, per_weight = len(np.unique(nonzero)), entropy(weights)
    dense_bytes = -(-weights.size * bits // 8)
    return LayerFigures(
        name=layer.name,
        op_type=layer.op_type,
        shape=weights.shape,
        weights=weights.size,
        nonzero=nonzero.size,
        distinct=distinct,
        entropy=per_weight,
        dense_bytes=dense_bytes,
        bound_bytes=min(dense_bytes, (per_weight * weights.size + bits * distinct) / 8),
    )


def _other_bytes(model: ir.Model, keys: Collection[str]) -> int:
    others = (value for name, value in initializers_of(model).items() if name not in keys)
    return sum(value.const_value.nbytes for value in others if value.const_value is not None)
