"""Sharing biases: all biases of a model take few values together.

Beside pruned weights, biases as they are would be the larger part of a small file, and one by
one their layers have too few of them for codebooks of their own. So there is one for all; zeros
stay zero.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError, UsageError
from cortado.model.layers.prunable import find_layers, replace_weights
from cortado.model.typing import FloatArray
from cortado.quantize.codebook import make_codebook, share_values

__all__ = ["SharedBiases", "share_biases"]

_MAX_BITS = 8


@dataclass(frozen=True)
class SharedBiases:
    """A model with shared biases, and what that did to them.

    Attributes
    ----------
    model : onnx_ir.Model
        The model.
    nonzero : int
        Its biases that are not zero, in all.
    values : int
        The distinct values that they share now.
    rmse : float
        Root mean squared change of one, in the unit of the biases.
    """

    model: ir.Model
    nonzero: int
    values: int
    rmse: float


def share_biases(model: ir.Model, bits: int) -> SharedBiases:
    """Let all biases of a model that are not zero share 2^bits values.

    A bias is a float32 vector, of any number of axes, that a prunable layer's node takes, or that
    an Add behind it adds to its outputs (see `cortado.model.layers.axes`). The values are the
    optimum of k-means over all of them. Training afterwards parts them again: it keeps shared
    weights together, and not biases.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    bits : int
        1…8.

    Raises
    ------
    UsageError
        If bits are too many or too few.
    CortadoError
        If a bias is NaN or infinite.
    """
    if not 1 <= bits <= _MAX_BITS:
        raise UsageError(f"{bits} bits for biases: a codebook takes 1 to {_MAX_BITS} bits")
    biases = {str(value.name): _array(value) for value in _find_biases(model)}
    for name, array in biases.items():
        if not np.isfinite(array).all():
            raise CortadoError(f"the bias {name} has values that are NaN or infinite")
    kept = [array[array != 0] for array in biases.values()]
    values = np.concatenate([np.zeros(0, np.float32), *kept])
    if not values.size:
        return SharedBiases(model.clone(), 0, 0, 0.0)
    codebook = make_codebook(values, 2**bits, "optimal", np.random.default_rng(0))
    shared = {name: share_values(array, codebook) for name, array in biases.items()}
    changes = [np.square(shared[name] - array, dtype=np.float64) for name, array in biases.items()]
    rmse = float(np.sqrt(sum(change.sum() for change in changes) / values.size))
    return SharedBiases(replace_weights(model, shared), values.size, len(codebook), rmse)


def _find_biases(model: ir.Model) -> list[ir.Value]:
    every = [bias for layer in find_layers(model).prunable for bias in layer.biases]
    return [bias for bias in every if bias is not None and _is_vector(bias)]


def _is_vector(value: ir.Value) -> bool:
    return (
        value.dtype is ir.DataType.FLOAT
        and value.shape is not None
        and len(value.shape) > 0
        and sum(size != 1 for size in value.shape) <= 1
    )


def _array(value: ir.Value) -> FloatArray:
    assert value.const_value is not None  # it is an initializer
    return value.const_value.numpy()
