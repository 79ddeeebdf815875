"""Trained BatchNorm parameters, moved to where Caffe has a place for them.

Caffe's BatchNorm only normalizes; the affine part is a Scale layer of its own. In the model a
BatchNormalization has both, and retraining moves them: a scale g and a bias h. With the factor w
and the bias b of the Scale layer behind it,

    (g·x + h)·w + b  =  (g·w)·x + (h·w + b)
"""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["absorb"]


def absorb(
    model: ir.Model, found: Mapping[str, Array], fixed: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the initializers of a model that computes the same, with `fixed` values as they are.

    Parameters
    ----------
    model : onnx_ir.Model
        The model; left as it is.
    found : mapping of str to array
        Its initializers.
    fixed : mapping of str to array
        The initializers that must have certain values, and those values.

    Raises
    ------
    CortadoError
        If a BatchNormalization has a trained scale or bias, and no Scale layer takes it.
    """
    result = dict(found)
    for node in model.graph:
        if node.op_type == "BatchNormalization":
            names = [str(value.name) for value in node.inputs[1:3] if value is not None]
            if any(
                name in fixed and not np.array_equal(found[name], fixed[name]) for name in names
            ):
                gamma, beta = names
                _move(node, result, gamma, beta)
                result.update({name: fixed[name].astype(np.float32) for name in names})
    return result


def _move(node: ir.Node, arrays: dict[str, Array], gamma: str, beta: str) -> None:
    scale, shift = arrays[gamma], arrays[beta]
    product = _reader(node, "Mul")
    weight = _parameter(product, node, arrays, scale.size)
    if product is None or weight is None:
        raise _no_place(node)
    aligned = arrays[weight].shape
    if shift.any():
        total = _reader(product, "Add")
        bias = _parameter(total, product, arrays, scale.size)
        if bias is None or arrays[bias].shape != aligned:
            raise _no_place(node)
        arrays[bias] = arrays[bias] + arrays[weight] * shift.reshape(aligned)
    arrays[weight] = arrays[weight] * scale.reshape(aligned)


def _reader(node: ir.Node, op_type: str) -> ir.Node | None:
    """Return the only node that reads a node's output, if it is of this type."""
    (output,) = node.outputs
    readers = [reader for reader, _ in output.uses()]
    if output.is_graph_output() or len(readers) != 1 or readers[0].op_type != op_type:
        return None
    return readers[0]


def _parameter(
    node: ir.Node | None, before: ir.Node, arrays: Mapping[str, Array], channels: int
) -> str | None:
    """Return the initializer of one value a channel that a node, and no other, computes with."""
    if node is None:
        return None
    for value in node.inputs:
        if value is None or value is before.outputs[0] or not value.is_initializer():
            continue
        name = str(value.name)
        shape = arrays[name].shape
        per_channel = shape[:1] == (channels,) and set(shape[1:]) <= {1}
        if per_channel and len(value.uses()) == 1:
            return name
    return None


def _no_place(node: ir.Node) -> CortadoError:
    return CortadoError(
        f"layer {node.name!r} (BatchNorm): in the model it has a scale or bias that is trained; "
        "Caffe's has none, and no Scale layer of one value a channel, with a bias, reads it alone"
    )
