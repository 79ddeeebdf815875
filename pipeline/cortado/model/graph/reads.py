"""The values that nodes read, in the graphs inside them too, and what follows from it.

A value that a node reads is an input of its own, or one of an outer graph that the graphs inside
it (the branches of an If, the body of a Loop) use.
"""

from collections.abc import Collection, Iterable

import onnx_ir as ir

__all__ = ["constant_nodes", "is_constant", "needed_nodes", "read_by"]


def read_by(node: ir.Node) -> list[ir.Value]:
    """Return the values that a node reads, without those that are made inside it."""
    read = [value for value in node.inputs if value is not None]
    for graph in _graphs_of(node):
        own = {*graph.inputs, *graph.initializers.values()}
        own.update(value for inner in graph for value in inner.outputs)
        inside = [value for inner in graph for value in read_by(inner)]
        read += [value for value in (*inside, *graph.outputs) if value not in own]
    return read


def needed_nodes(graph: ir.Graph, values: Iterable[ir.Value]) -> list[ir.Node]:
    """Return the nodes that compute some values, in graph order."""
    needed: set[ir.Node] = set()
    waiting = list(values)
    while waiting:
        node = waiting.pop().producer()
        if node is not None and node not in needed:
            needed.add(node)
            waiting += read_by(node)
    return [node for node in graph if node in needed]


def constant_nodes(graph: ir.Graph) -> set[ir.Node]:
    """Return the nodes that compute with constants alone."""
    found: set[ir.Node] = set()
    for node in graph:
        if all(is_constant(value, found) for value in read_by(node)):
            found.add(node)
    return found


def is_constant(value: ir.Value, constant: Collection[ir.Node]) -> bool:
    """Return whether a value is an initializer, or made by one of these constant nodes."""
    return value.is_initializer() or value.producer() in constant


def _graphs_of(node: ir.Node) -> list[ir.Graph]:
    graphs: list[ir.Graph] = []
    for attribute in node.attributes.values():
        if attribute.type is ir.AttributeType.GRAPH:
            graphs.append(attribute.as_graph())
        elif attribute.type is ir.AttributeType.GRAPHS:
            graphs.extend(attribute.as_graphs())
    return graphs
