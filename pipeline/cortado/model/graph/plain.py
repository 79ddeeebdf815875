"""Making a model plain: weights that are initializers, nodes that infer.

`lift_weights` runs on every file that is read: a weight in a Constant node becomes an initializer
of the same name, which says the same in a form that every pass can change.

`to_plain` is what ``cortado import`` does besides. It changes what a file stores or computes, and
so tells what it did:

    DequantizeLinear of constants    y = (x − zero_point) · scale, as float32 initializers
    BatchNormalization in training   uses the statistics that the file stores
    Dropout in training              drops nothing
    a function of the file           is written out where it is called

Source: https://onnx.ai/onnx/operators, DequantizeLinear (a scale for all, an axis, or blocks).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from cortado.model.graph.constants import name_apart
from cortado.model.graph.nodes import is_standard
from cortado.model.graph.origins import TRAINABLE
from cortado.model.typing import Array

__all__ = ["Plain", "dequantize", "lift_weights", "to_plain"]

_FIRST_IR = 4  # whose initializers need not be inputs
_PARAMETERS = {  # the inputs of operators that are vectors, and learned
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), (2,)),
    "BatchNormalization": (1, 2, 3, 4),
    "Slice": (0,),  # of the biases of a recurrent layer, whose gates are put in another order
}
_STATISTICS = 1  # of the outputs of a BatchNormalization, the first that only training gives


@dataclass(frozen=True)
class Plain:
    """A plain model, and what was changed to make it so."""

    model: ir.Model
    notes: tuple[str, ...]


def lift_weights(model: ir.Model) -> None:
    """Turn Constant nodes that hold weights into initializers, in place.

    Weights are matrices of floats, and vectors that are biases or belong to a normalization.
    """
    if model.ir_version < _FIRST_IR:
        return
    for node in [node for node in model.graph.all_nodes() if is_standard(node, "Constant")]:
        tensor = node.attributes.get_tensor("value", None)
        if tensor is None or tensor.dtype not in TRAINABLE or node.outputs[0].is_graph_output():
            continue
        if len(tensor.shape) > 1 or (tensor.size > 1 and _is_parameter(node.outputs[0])):
            _replace(node, tensor.numpy(), tensor.dtype)


def _is_parameter(value: ir.Value) -> bool:
    """Return whether a node reads a value as a bias or the like."""
    return any(
        (is_standard(use.node, *_PARAMETERS) and use.idx in _PARAMETERS[use.node.op_type])
        or (is_standard(use.node, "Add") and _is_product(use.node.inputs[1 - use.idx]))
        for use in value.uses()
    )


def _is_product(value: ir.Value | None) -> bool:
    node = None if value is None else value.producer()
    return node is not None and is_standard(node, "MatMul", "Conv", "ConvTranspose")


def to_plain(model: ir.Model) -> Plain:
    """Return a copy of `model` with plain weights, for inference."""
    plain = model.clone()
    notes = [*_inline(plain), *_dequantize_constants(plain), *_stop_training(plain)]
    lift_weights(plain)
    name_apart(plain)
    return Plain(plain, tuple(notes))


def dequantize(integers: Array, scale: Array, zero: Array | None, axis: int, block: int) -> Array:
    """Return ``(integers - zero) * scale``, computed as onnxruntime does.

    Parameters
    ----------
    integers : array
        Of any shape; 8, 16 or 32 bits, 4-bit integers, or small floats.
    scale : array
        A scalar, a vector along `axis`, or of the rank of `integers` with `block` of its elements
        for each one along `axis`. Its type is that of the result.
    zero : array or None
        Of the shape of `scale`; None is 0.
    axis, block : int
        As the node has them; block 0 means none.
    """
    if scale.ndim == 1 and scale.size == 1:
        scale, zero = scale.reshape(()), None if zero is None else zero.reshape(())
    scale = _spread(scale, integers.shape, axis, block)
    is_float = integers.dtype.kind not in "iu" and "int" not in integers.dtype.name
    centred = integers.astype(np.float32 if is_float else np.int64)
    if zero is not None:
        centred = centred - _spread(zero, integers.shape, axis, block).astype(centred.dtype)
    return (centred.astype(np.float32) * scale.astype(np.float32)).astype(scale.dtype)


def _spread(array: Array, shape: tuple[int, ...], axis: int, block: int) -> Array:
    """Give a scale or zero point a shape that broadcasts to that of the integers."""
    if array.ndim == 0:
        return array
    if block:
        return np.repeat(array, block, axis)[tuple(map(slice, shape))]
    sizes = [1] * len(shape)
    sizes[axis] = -1
    return array.reshape(sizes)


def _inline(model: ir.Model) -> Iterator[str]:
    if model.functions:
        names = ", ".join(sorted({name for _, name, _ in model.functions}))
        InlinePass()(model)
        yield f"functions of the file were written out where they are called: {names}"


def _dequantize_constants(model: ir.Model) -> Iterator[str]:
    count = 0
    for node in [n for n in model.graph.all_nodes() if is_standard(n, "DequantizeLinear")]:
        tensors = [ir.convenience.get_const_tensor(x) for x in node.inputs if x is not None]
        if any(tensor is None for tensor in tensors) or node.outputs[0].is_graph_output():
            continue
        integers, scale, *zero = [tensor.numpy() for tensor in tensors if tensor is not None]
        axis = node.attributes.get_int("axis", 1)
        block = node.attributes.get_int("block_size", 0)
        array = dequantize(integers, scale, zero[0] if zero else None, axis, block)
        sources = [value for value in node.inputs if value is not None]
        _replace(node, array, ir.DataType.from_numpy(array.dtype))
        for value in sources:
            _drop_unused(value)
        count += 1
    if count:
        yield f"{count} constants behind DequantizeLinear became floats"


def _stop_training(model: ir.Model) -> Iterator[str]:
    """Let nodes infer that a program in training mode was exported with."""
    for node in list(model.graph.all_nodes()):
        is_norm = is_standard(node, "BatchNormalization")
        if is_norm and node.attributes.get_int("training_mode", 0) == 1:
            if any(value.uses() or value.is_graph_output() for value in node.outputs[_STATISTICS:]):
                yield f"{node.name} computes with the statistics of a batch, which others read"
                continue
            node.attributes["training_mode"] = ir.AttrInt64("training_mode", 0)
            node.resize_outputs(_STATISTICS)
            yield f"{node.name} was in training mode; now it uses the statistics of the file"
        elif is_standard(node, "Dropout") and len(node.inputs) > 2 and node.inputs[2] is not None:
            node.replace_input_with(2, None)
            yield f"{node.name} could be in training mode; now it drops nothing"


def _replace(node: ir.Node, array: Array, dtype: ir.DataType) -> None:
    """Put an initializer in the place of a node of one output."""
    (old,), graph = node.outputs, node.graph
    assert isinstance(graph, ir.Graph)  # functions have been left alone, or written out
    tensor = ir.Tensor(array, dtype=dtype, name=old.name)
    value = ir.Value(
        name=old.name, shape=ir.Shape(array.shape), type=ir.TensorType(dtype), const_value=tensor
    )
    old.replace_all_uses_with(value)
    graph.remove(node, safe=True)
    graph.register_initializer(value)


def _drop_unused(value: ir.Value) -> None:
    if value.is_initializer() and not value.uses() and not value.is_graph_input():
        graph = value.graph
        if graph is not None and not value.is_graph_output():
            del graph.initializers[str(value.name)]
