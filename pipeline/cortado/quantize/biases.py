"""Sharing biases: all biases of a model take few values together.

Beside pruned weights, biases as they are would be the larger part of a small file, and one by
one their layers have too few of them for codebooks of their own. So there is one for all; zeros
stay zero.
"""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from cortado.errors import UsageError
from cortado.model.layers import find_layers, replace_weights
from cortado.model.typing import FloatArray
from cortado.quantize.codebook import assign_nearest, make_codebook

__all__ = ["share_biases"]

_MAX_BITS = 8
_BIAS_INPUT = 2  # of Conv, ConvTranspose and Gemm


def share_biases(model: ir.Model, bits: int) -> ir.Model:
    """Return a copy of `model` whose biases that are not zero share 2^bits values.

    A bias is a float32 vector that a prunable layer's node takes, or that is added to what a
    MatMul gives. The values are the optimum of k-means over all of them.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    bits : int
        1…8.
    """
    if not 1 <= bits <= _MAX_BITS:
        raise UsageError(f"{bits} bits for biases: a codebook takes 1 to {_MAX_BITS} bits")
    biases = {value.name: _array(value) for value in _find_biases(model)}
    kept = [array[array != 0] for array in biases.values()]
    values = np.concatenate(kept) if kept else np.zeros(0, np.float32)
    if not values.size or not np.isfinite(values).all():
        return model
    codebook = make_codebook(values, 2**bits, "optimal", np.random.default_rng(0))
    return replace_weights(
        model, {name: _nearest(array, codebook) for name, array in biases.items() if name}
    )


def _find_biases(model: ir.Model) -> Iterator[ir.Value]:
    for layer in find_layers(model).prunable:
        for node in layer.nodes:
            candidates = [*node.inputs[_BIAS_INPUT:]]
            if node.op_type == "MatMul":
                users = [use.node for use in node.outputs[0].uses()]
                candidates = [x for user in users if user.op_type == "Add" for x in user.inputs]
            yield from (value for value in candidates if value is not None and _is_vector(value))


def _is_vector(value: ir.Value) -> bool:
    return (
        value.is_initializer()
        and value.dtype is ir.DataType.FLOAT
        and value.shape is not None
        and len(value.shape) == 1
    )


def _array(value: ir.Value) -> FloatArray:
    assert value.const_value is not None  # it is an initializer
    return value.const_value.numpy()


def _nearest(array: FloatArray, codebook: FloatArray) -> FloatArray:
    shared = np.zeros_like(array)
    kept = array != 0
    shared[kept] = codebook[assign_nearest(array[kept], codebook)]
    return shared
