"""The weight-sharing pass: a model and bits → a model whose layers share values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir

from cortado.errors import UsageError
from cortado.invariants import check_zeros
from cortado.model.graph.constants import initializers_of
from cortado.model.layers.grid import largest_integer
from cortado.model.layers.prunable import Layer, Skipped, check_finite, find_layers, replace_weights
from cortado.model.layers.selector import Assignment, assign
from cortado.model.typing import FloatArray
from cortado.quantize.codebook import Init, make_codebook, share_values
from cortado.quantize.uniform import to_uniform_grid

__all__ = [
    "MAX_BITS",
    "Grid",
    "LayerSharing",
    "QuantizeOptions",
    "Quantized",
    "compare_shared",
    "quantize",
]

MAX_BITS = 8

Grid = Literal["free", "uniform"]


@dataclass(frozen=True)
class QuantizeOptions:
    """How to choose the shared values.

    Attributes
    ----------
    init : {"linear", "density", "random", "optimal"}
        See `codebook`.
    grid : {"free", "uniform"}
        ``free`` values lie where k-means puts them. ``uniform`` ones are the multiples k · s of
        one step s a layer, |k| ≤ 2^(bits − 1) − 1, that an integer kernel keeps exactly: see
        `uniform`. It has no use for `init`, and no fewer than 2 bits.
    seed : int
        For ``random``.
    """

    init: Init = "optimal"
    seed: int = 0
    grid: Grid = "free"


@dataclass(frozen=True)
class LayerSharing:
    """The result of weight sharing for one layer.

    Attributes
    ----------
    name : str
        The layer.
    nonzero : int
        Its non-zero weights.
    values : int
        The distinct values that they share now, but for zero.
    rmse : float
        Root mean squared change of a weight that was not zero, in the unit of the weights.
    """

    name: str
    nonzero: int
    values: int
    rmse: float


@dataclass(frozen=True)
class Quantized:
    """A model with shared weights, what was done to each selected layer, and what can't share."""

    model: ir.Model
    layers: tuple[LayerSharing, ...]
    skipped: tuple[Skipped, ...]


def quantize(
    model: ir.Model,
    bits: Sequence[Assignment[int]],
    options: QuantizeOptions = QuantizeOptions(),
) -> Quantized:
    """Let the non-zero weights of each selected layer share 2^bits values.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is. Zeros stay zero and take no value of the codebook; those with a sign, which
        masked training leaves in biases too, lose it.
    bits : sequence of Assignment
        Bits for each selector, 1…8, or 2…8 for a uniform grid. Biases and layers that none
        selects stay.
    options : QuantizeOptions
        Initial centroids, grid and seed.

    Raises
    ------
    UsageError
        If bits are too many or too few, or a selector matches no layer.
    """
    for assignment in bits:
        _check_bits(assignment, options.grid)
    layers = find_layers(model)
    check_finite(layers.prunable)
    assigned = assign(layers.prunable, bits)
    generator = np.random.default_rng(options.seed)
    report, shared = [], {}
    for layer in layers.prunable:
        if layer.key in assigned:
            count = assigned[layer.key].value
            values = _share(layer.array, count, options, generator)
            shared[layer.key] = layer.rounded(values)
            report.append(compare_shared(layer, shared[layer.key]))
    result = replace_weights(model, _plain_zeros(model) | shared)
    check_zeros(model, result)
    return Quantized(result, tuple(report), layers.skipped)


def _check_bits(assignment: Assignment[int], grid: Grid) -> None:
    least, kind = (2, "uniform grid") if grid == "uniform" else (1, "codebook")
    if not least <= assignment.value <= MAX_BITS:
        raise UsageError(
            f"{assignment.value} bits for {assignment.selector}: "
            f"a {kind} takes {least} to {MAX_BITS} bits"
        )


def _share(
    weights: FloatArray, bits: int, options: QuantizeOptions, generator: np.random.Generator
) -> FloatArray:
    kept = weights != 0
    values = weights[kept]
    result = np.zeros_like(weights)  # also turns a negative zero into zero
    if values.size and options.grid == "free":
        return share_values(weights, make_codebook(values, 2**bits, options.init, generator))
    if values.size:
        result[kept] = to_uniform_grid(values, largest_integer(bits))
    return result


def _plain_zeros(model: ir.Model) -> dict[str, FloatArray]:
    """Return the float32 constants that hold a negative zero, with plain zeros instead.

    A stored form that keeps zeros out, bit for bit, would have to store each of them.
    """
    arrays = {
        name: value.const_value.numpy()
        for name, value in initializers_of(model).items()
        if value.const_value is not None and value.dtype is ir.DataType.FLOAT
    }
    return {
        name: array + np.float32(0)
        for name, array in arrays.items()
        if (np.signbit(array) & (array == 0)).any()
    }


def compare_shared(layer: Layer, shared: FloatArray) -> LayerSharing:
    """Return what the shared weights of a layer are beside those that it has."""
    nonzero = shared[shared != 0]
    squares = np.square(layer.array.astype(np.float64) - shared).sum()
    rmse = float(np.sqrt(squares / max(np.count_nonzero(layer.array), 1)))
    return LayerSharing(layer.name, int(nonzero.size), len(np.unique(nonzero)), rmse)
