"""Weights in bodies of If, Loop and Scan: lifted to the graph around them, so that they can be fed.

A node in a body reads values of the graphs around it, but a body has no inputs that a caller could
feed. An initializer that moves from a body to the outermost graph is read as before, and can be
made an input of it.
"""

from collections.abc import Iterable

import onnx_ir as ir

from cortado.model.layers.prunable import Layer

__all__ = ["lift_weights", "outermost_nodes"]


def lift_weights(model: ir.Model, layers: Iterable[Layer]) -> None:
    """Move the weights of layers to the outermost graph, in place."""
    homes = {value: graph for graph in model.graphs() for value in graph.initializers.values()}
    for layer in layers:
        home = homes[layer.weight]
        if home is not model.graph:
            home.initializers.pop(layer.key)
            model.graph.initializers[layer.key] = layer.weight


def outermost_nodes(graph: ir.Graph) -> dict[ir.Node, ir.Node]:
    """Return each node in a graph or in the bodies inside it → the node of the graph it is in."""
    found: dict[ir.Node, ir.Node] = {}
    for node in graph:
        found[node] = node
        for body in node.attributes.values():
            graphs = []
            if body.type is ir.AttributeType.GRAPH:
                graphs = [body.as_graph()]
            elif body.type is ir.AttributeType.GRAPHS:
                graphs = list(body.as_graphs())
            for inner in graphs:
                found |= dict.fromkeys(inner.all_nodes(), node)
    return found
