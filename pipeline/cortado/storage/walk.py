"""Walking through ONNX graphs, and the graphs inside their nodes."""

from collections.abc import Iterable, Iterator

import onnx

__all__ = ["bodies_of", "graphs_inside", "graphs_of", "tensors_of", "used_by"]


def graphs_inside(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    """Yield the graphs that nodes have as attributes, and those inside their nodes."""
    for node in nodes:
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield graph
                yield from graphs_inside(graph.node)


def bodies_of(proto: onnx.ModelProto) -> list[onnx.GraphProto]:
    """Return the graph of a model and those inside its nodes, where its weights are."""
    return [proto.graph, *graphs_inside(proto.graph.node)]


def graphs_of(proto: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """Yield the graph of a model and all graphs inside its nodes and functions."""
    yield proto.graph
    yield from graphs_inside(proto.graph.node)
    for function in proto.functions:
        yield from graphs_inside(function.node)


def tensors_of(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of a model: initializers, sparse ones, and attributes of nodes."""
    for graph in graphs_of(proto):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for parent in (*graphs_of(proto), *proto.functions):
        for node in parent.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors


def used_by(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Return the names of the values that nodes use, in graphs inside them too."""
    nodes = list(nodes)
    names = {name for node in nodes for name in node.input}
    for graph in graphs_inside(nodes):
        names.update(name for node in graph.node for name in node.input)
        names.update(value.name for value in graph.output)
    return names
