"""The integer weights of a model: what integer kernels multiply with.

They are initializers of signed 8 or 4 bits and at least two axes, as `cortado.integer_kernels` and
the symmetric schemes of other tools make them, whose zero stands for 0. No pass changes them.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.model.typing import Array

__all__ = ["IntegerWeight", "find_integer_weights"]

_TYPES = {ir.DataType.INT8, ir.DataType.INT4}


@dataclass(frozen=True)
class IntegerWeight:
    """An initializer of small integers.

    Attributes
    ----------
    key : str
        Its name.
    op_type : str
        The operator that multiplies with it, after expanding it or not.
    bits : int
        Of one integer, 8 or 4.
    array : array, int8
        The integers, in the layout of the file.
    """

    key: str
    op_type: str
    bits: int
    array: Array

    @property
    def name(self) -> str:
        """The layer that it belongs to."""
        return self.key.removesuffix(".weight")


def find_integer_weights(model: ir.Model) -> tuple[IntegerWeight, ...]:
    """Return the integer weights of a model in the order of the nodes that read them."""
    readers: dict[ir.Value, ir.Node] = {}
    for node in model.graph.all_nodes():
        for value in node.inputs:
            if value is not None and _is_integer_weight(value):
                readers.setdefault(value, _multiplier(node))
    return tuple(_describe(value, node) for value, node in readers.items())


def _is_integer_weight(value: ir.Value) -> bool:
    return (
        value.is_initializer()
        and value.dtype in _TYPES
        and value.shape is not None
        and len(value.shape) > 1
    )


def _multiplier(node: ir.Node) -> ir.Node:
    """Return the node that multiplies, behind the one that expands the integers."""
    users = [use.node for use in node.outputs[0].uses()]
    return users[0] if node.op_type == "DequantizeLinear" and users else node


def _describe(value: ir.Value, node: ir.Node) -> IntegerWeight:
    assert value.const_value is not None  # an initializer
    assert value.dtype is not None  # which has a type
    array = value.const_value.numpy().astype(np.int8)
    return IntegerWeight(str(value.name), node.op_type, value.dtype.bitwidth, array)
