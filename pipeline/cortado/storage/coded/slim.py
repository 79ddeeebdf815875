"""Leave out of a file what every runtime knows without being told.

That is: the shapes of values between nodes, which shape inference finds again; attributes that
have the value that the standard takes anyway; and how the file came to be (`cortado.history`, and
what exporters note of their own sources on every node). The names of nodes and values stay, and
the modules that layers are named by: users and reports go by them.
"""

from collections.abc import Callable, Sequence

import onnx

from cortado.model.graph.nodes import is_standard
from cortado.model.layers.naming import SCOPES, is_named
from cortado.model.layers.prunable import OPERATORS

__all__ = ["slim"]

_NOT_STORED = {"cortado.history"}
_WINDOWED = {"Conv", "ConvTranspose", "MaxPool", "AveragePool"}


def _all_ones(values: Sequence[int]) -> bool:
    return all(value == 1 for value in values)


_IMPLIED: dict[str, Callable[[Sequence[int]], bool]] = {  # which the schemas do not list
    "strides": _all_ones,
    "dilations": _all_ones,
    "pads": lambda values: not any(values),
}


def slim(proto: onnx.ModelProto) -> None:
    """Remove what is redundant in a file, in place."""
    del proto.graph.value_info[:]
    kept = [entry for entry in proto.metadata_props if entry.key not in _NOT_STORED]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    versions = {opset.domain: opset.version for opset in proto.opset_import}
    _drop_notes(proto.graph)
    for node in proto.graph.node:
        if is_standard(node):
            _drop_defaults(node, versions.get(node.domain, onnx.defs.onnx_opset_version()))


def _drop_notes(graph: onnx.GraphProto) -> None:
    """Remove what exporters note, but for the modules of weights that have no name of their own."""
    del graph.metadata_props[:]
    for value in (*graph.input, *graph.output, *graph.initializer):
        del value.metadata_props[:]
    for node in graph.node:
        kept = [entry for entry in node.metadata_props if entry.key == SCOPES]
        del node.metadata_props[:]
        if node.op_type in OPERATORS and not any(map(is_named, node.input)):
            node.metadata_props.extend(kept)


def _drop_defaults(node: onnx.NodeProto, opset: int) -> None:
    if not onnx.defs.has(node.op_type, opset):
        return
    defaults = onnx.defs.get_schema(node.op_type, opset).attributes
    kept = [
        attribute
        for attribute in node.attribute
        if not (
            (node.op_type in _WINDOWED and _is_implied(attribute))
            or (attribute.name in defaults and defaults[attribute.name].default_value == attribute)
        )
    ]
    del node.attribute[:]
    node.attribute.extend(kept)


def _is_implied(attribute: onnx.AttributeProto) -> bool:
    return attribute.name in _IMPLIED and _IMPLIED[attribute.name](attribute.ints)
