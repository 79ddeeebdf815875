"""The weight-sharing pass: a model and bits → a model whose layers share values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.errors import UsageError
from cortado.invariants import check_zeros
from cortado.model.layers import Layer, Skipped, check_finite, find_layers, replace_weights
from cortado.model.selector import Assignment, assign
from cortado.model.typing import FloatArray
from cortado.quantize.codebook import Init, assign_nearest, make_codebook

__all__ = ["MAX_BITS", "LayerSharing", "QuantizeOptions", "Shared", "quantize"]

MAX_BITS = 8


@dataclass(frozen=True)
class QuantizeOptions:
    """How to choose the shared values.

    Attributes
    ----------
    init : {"linear", "density", "random", "optimal"}
        See `codebook`.
    seed : int
        For ``random``.
    """

    init: Init = "optimal"
    seed: int = 0


@dataclass(frozen=True)
class LayerSharing:
    """What weight sharing did to one layer.

    Attributes
    ----------
    name : str
        The layer.
    nonzero : int
        Its non-zero weights.
    values : int
        The distinct values that they share now.
    rmse : float
        Root mean squared change of a non-zero weight, in the unit of the weights.
    """

    name: str
    nonzero: int
    values: int
    rmse: float


@dataclass(frozen=True)
class Shared:
    """A model with shared weights, what was done to each selected layer, and what can't share."""

    model: ir.Model
    layers: tuple[LayerSharing, ...]
    skipped: tuple[Skipped, ...]


def quantize(
    model: ir.Model,
    bits: Sequence[Assignment[int]],
    options: QuantizeOptions = QuantizeOptions(),
) -> Shared:
    """Let the non-zero weights of each selected layer share 2^bits values.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is. Zeros stay zero and take no value of the codebook; those with a sign, which
        masked training leaves in biases too, lose it.
    bits : sequence of Assignment
        Bits for each selector, 1…8. Biases and layers that none selects stay.
    options : QuantizeOptions
        Initial centroids and seed.

    Raises
    ------
    UsageError
        If bits are outside 1…8, or a selector matches no layer.
    """
    for assignment in bits:
        if not 1 <= assignment.value <= MAX_BITS:
            raise UsageError(
                f"{assignment.value} bits for {assignment.selector}: "
                f"a codebook takes 1 to {MAX_BITS} bits"
            )
    layers = find_layers(model)
    check_finite(layers.prunable)
    assigned = assign(layers.prunable, bits)
    generator = np.random.default_rng(options.seed)
    report, shared = [], {}
    for layer in layers.prunable:
        if layer.key in assigned:
            clusters = 2 ** assigned[layer.key].value
            shared[layer.key] = _share(layer.array, clusters, options.init, generator)
            report.append(_compare(layer, shared[layer.key]))
    result = replace_weights(model, _plain_zeros(model) | shared)
    check_zeros(model, result)
    return Shared(result, tuple(report), layers.skipped)


def _share(
    weights: FloatArray, clusters: int, init: Init, generator: np.random.Generator
) -> FloatArray:
    kept = weights != 0
    values = weights[kept]
    result = np.zeros_like(weights)  # also turns a negative zero into zero
    if values.size:
        codebook = make_codebook(values, clusters, init, generator)
        result[kept] = codebook[assign_nearest(values, codebook)]
    return result


def _plain_zeros(model: ir.Model) -> dict[str, FloatArray]:
    """Return the float32 constants that hold a negative zero, with plain zeros instead.

    A stored form that keeps zeros out, bit for bit, would have to store each of them.
    """
    arrays = {
        name: value.const_value.numpy()
        for name, value in model.graph.initializers.items()
        if value.const_value is not None and value.dtype is ir.DataType.FLOAT
    }
    return {
        name: array + np.float32(0)
        for name, array in arrays.items()
        if (np.signbit(array) & (array == 0)).any()
    }


def _compare(layer: Layer, shared: FloatArray) -> LayerSharing:
    nonzero = shared[shared != 0]
    squares = np.square(layer.array.astype(np.float64) - shared).sum()
    rmse = float(np.sqrt(squares / max(nonzero.size, 1)))
    return LayerSharing(layer.name, int(nonzero.size), len(np.unique(nonzero)), rmse)
