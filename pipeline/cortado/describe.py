"""What a model consists of, layer by layer: the figures behind ``cortado inspect``.

The entropy bound is the order-0 entropy of a layer's values, the zero among them:
with p_v the fraction of weights of value v,

    bits a weight = − Σ p_v log2 p_v

and the table of the distinct values, four bytes each, has to be stored too. No code that treats
weights one by one, without their order, does better; one that knows where zeros cluster may.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.model.layers import Layer, Skipped, find_layers
from cortado.model.typing import FloatArray

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
    bound_bytes: float

    @property
    def density(self) -> float:
        """Fraction of weights that are not zero."""
        return self.nonzero / max(self.weights, 1)

    @property
    def dense_bytes(self) -> int:
        """Bytes of the weights as float32."""
        return 4 * self.weights


@dataclass(frozen=True)
class Description:
    """A model in figures.

    Attributes
    ----------
    layers : tuple of LayerFigures
        The prunable layers in graph order.
    skipped : tuple of Skipped
        Nodes with a weight that cannot be pruned, and why.
    other_bytes : int
        Bytes of all initializers that are no prunable weight, such as biases.
    """

    layers: tuple[LayerFigures, ...]
    skipped: tuple[Skipped, ...]
    other_bytes: int

    @property
    def total(self) -> LayerFigures:
        """All prunable layers together: their values in all, their mean entropy a weight."""
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
            bound_bytes=sum(layer.bound_bytes for layer in self.layers),
        )


def describe(model: ir.Model) -> Description:
    """Return the figures of every layer of `model`."""
    layers = find_layers(model)
    return Description(
        tuple(_figures(layer) for layer in layers.prunable),
        layers.skipped,
        _other_bytes(model, layers.prunable),
    )


def entropy(values: FloatArray) -> float:
    """Return the order-0 entropy of some values, in bits a value."""
    if not values.size:
        return 0.0
    counts = np.unique(values, return_counts=True)[1]
    fractions = counts / values.size
    return max(0.0, float(-(fractions * np.log2(fractions)).sum()))


def _figures(layer: Layer) -> LayerFigures:
    weights = layer.array
    nonzero = weights[weights != 0]
    distinct, bits = len(np.unique(nonzero)), entropy(weights)
    return LayerFigures(
        name=layer.name,
        op_type=layer.op_type,
        shape=weights.shape,
        weights=weights.size,
        nonzero=nonzero.size,
        distinct=distinct,
        entropy=bits,
        bound_bytes=min(weights.nbytes, bits * weights.size / 8 + nonzero.itemsize * distinct),
    )


def _other_bytes(model: ir.Model, layers: Sequence[Layer]) -> int:
    keys = {layer.key for layer in layers}
    others = (value for name, value in model.graph.initializers.items() if name not in keys)
    return sum(value.const_value.nbytes for value in others if value.const_value is not None)
