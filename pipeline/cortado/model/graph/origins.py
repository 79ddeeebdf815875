"""Where the elements of a value come from, seen through nodes that only pass them on.

Exporters put nodes between a weight and the product that it is for: a Transpose of a tied or
untransposed parameter, the Identity of one that modules share, the Cast of one that is stored in
half precision, the Slices and the Concat that put the gates of a recurrent layer in ONNX's order.
Each element of what they yield is one of the initializer's, so that its zeros are zeros there, and
the initializer is the weight.
"""

import onnx_ir as ir

from cortado.model.graph.nodes import is_standard

__all__ = ["HALVES", "TRAINABLE", "origin_of", "path_to"]

HALVES = frozenset({ir.DataType.FLOAT16, ir.DataType.BFLOAT16})
"""The types that store a float32 in 16 bits."""

TRAINABLE = frozenset({ir.DataType.FLOAT, *HALVES})
"""The types of weights that passes change; all computing is done in float32."""

_PASSING = frozenset({"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})

_CUTTING = ("Slice", "Split")


def origin_of(value: ir.Value) -> ir.Value:
    """Return the value whose elements `value` has, in another order, shape or precision."""
    return path_to(value)[0]


def path_to(value: ir.Value) -> tuple[ir.Value, tuple[ir.Node, ...]]:
    """Return the origin of a value, and the nodes between the two, from the origin on.

    Of the gates of a recurrent layer the Concat is among them, and the Slices in front are not.
    """
    path: list[ir.Node] = []
    node = value.producer()
    while node is not None:
        source = _joined(node) if is_standard(node, "Concat") else _passed(node)
        if source is None:
            break
        path.append(node)
        value = source
        node = value.producer()
    return value, tuple(reversed(path))


def _passed(node: ir.Node) -> ir.Value | None:
    return node.inputs[0] if node.inputs and _passes_on(node) else None


def _joined(node: ir.Node) -> ir.Value | None:
    """Return the value of whose parts a Concat consists; None if they are of several."""
    sources = {None if value is None else _cut_from(value) for value in node.inputs}
    return sources.pop() if len(sources) == 1 else None


def _cut_from(value: ir.Value) -> ir.Value | None:
    """Return the value that a Slice or a Split takes a part of; None for other nodes."""
    node = value.producer()
    if node is None or not is_standard(node, *_CUTTING):
        return None
    return node.inputs[0]


def _passes_on(node: ir.Node) -> bool:
    if not is_standard(node, "Cast"):
        return is_standard(node, *_PASSING)
    source = node.inputs[0]
    target = ir.DataType(node.attributes.get_int("to", ir.DataType.UNDEFINED))
    return source is not None and {origin_of(source).dtype, target} <= TRAINABLE
