"""Walking through ONNX graphs, and the graphs inside their nodes."""

from collections.abc import Iterable, Iterator

import onnx

__all__ = ["graphs_inside", "used_by"]


def graphs_inside(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    """Yield the graphs that nodes have as attributes, and those inside their nodes."""
    for node in nodes:
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield graph
                yield from graphs_inside(graph.node)


def used_by(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Return the names of the values that nodes use, in graphs inside them too."""
    nodes = list(nodes)
    names = {name for node in nodes for name in node.input}
    for graph in graphs_inside(nodes):
        names.update(name for node in graph.node for name in node.input)
        names.update(value.name for value in graph.output)
    return names
