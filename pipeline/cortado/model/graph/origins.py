"""Where the elements of a value come from, seen through nodes that only pass them on.

Exporters put nodes between a weight and the product that it is for: a Transpose of a tied or
untransposed parameter, the Identity of one that modules share, the Cast of one that is stored in
half precision. Each element of what they yield is one of the initializer's, so that its zeros are
zeros there, and the initializer is the weight.
"""

import onnx_ir as ir

from cortado.model.graph.nodes import is_standard

__all__ = ["HALVES", "TRAINABLE", "origin_of"]

HALVES = frozenset({ir.DataType.FLOAT16, ir.DataType.BFLOAT16})
"""The types that store a float32 in 16 bits."""

TRAINABLE = frozenset({ir.DataType.FLOAT, *HALVES})
"""The types of weights that passes change; all computing is done in float32."""

_PASSING = frozenset({"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})


def origin_of(value: ir.Value) -> ir.Value:
    """Return the value whose elements `value` has, in another order, shape or precision."""
    node = value.producer()
    while node is not None and _passes_on(node) and node.inputs[0] is not None:
        value = node.inputs[0]
        node = value.producer()
    return value


def _passes_on(node: ir.Node) -> bool:
    if not is_standard(node, "Cast"):
        return is_standard(node, *_PASSING)
    source = node.inputs[0]
    target = ir.DataType(node.attributes.get_int("to", ir.DataType.UNDEFINED))
    return source is not None and {origin_of(source).dtype, target} <= TRAINABLE
