"""The initializers of a model in all of its graphs, and the names that tell them apart.

ONNX lets two graphs that do not see one another, such as the branches of an If, give the same
name to different initializers. Reports, selectors and tables know an initializer by its name
alone, so that a model in memory has each name once: `name_apart` puts the way to its graph in
front of a name that several graphs use,

    w in both branches of the node choose   →   choose.then_branch.w, choose.else_branch.w
"""

from collections import Counter
from collections.abc import Iterator

import onnx_ir as ir

__all__ = ["have_same_weights", "initializers_of", "name_apart"]


def initializers_of(model: ir.Model) -> dict[str, ir.Value]:
    """Return the initializers of all graphs of a model by their names, the main graph's first."""
    return {name: value for graph in model.graphs() for name, value in graph.initializers.items()}


def have_same_weights(model: ir.Model, other: ir.Model) -> bool:
    """Return whether the initializers of two models are the same, bit for bit."""
    ours, theirs = (
        {name: value.const_value for name, value in initializers_of(each).items()}
        for each in (model, other)
    )
    return ours.keys() == theirs.keys() and all(
        tensor is theirs[name] or _same_bits(tensor, theirs[name]) for name, tensor in ours.items()
    )


def _same_bits(a: ir.TensorProtocol | None, b: ir.TensorProtocol | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def name_apart(model: ir.Model) -> None:
    """Rename initializers of inner graphs whose name another graph uses too, in place."""
    times = Counter(name for graph in model.graphs() for name in graph.initializers)
    if all(count == 1 for count in times.values()):
        return
    taken = _names(model)
    for graph, path in _inner_graphs(model.graph, ""):
        for name, value in list(graph.initializers.items()):
            if times[name] > 1:
                value.name = _fresh(f"{path}{name}", taken)


def _names(model: ir.Model) -> set[str | None]:
    """Return the name of every value."""
    names: set[str | None] = set(initializers_of(model))
    names.update(value.name for graph in model.graphs() for value in graph.inputs)
    names.update(value.name for node in model.graph.all_nodes() for value in node.outputs)
    return names


def _inner_graphs(graph: ir.Graph, path: str) -> Iterator[tuple[ir.Graph, str]]:
    """Yield every graph inside the nodes of a graph, and what its names begin with."""
    for node in graph:
        for attribute in node.attributes.values():
            if attribute.type is ir.AttributeType.GRAPH:
                inside = [attribute.as_graph()]
            elif attribute.type is ir.AttributeType.GRAPHS:
                inside = list(attribute.as_graphs())
            else:
                continue
            for inner in inside:
                here = f"{path}{node.name or node.op_type}.{attribute.name}."
                yield inner, here
                yield from _inner_graphs(inner, here)


def _fresh(name: str, taken: set[str | None]) -> str:
    fresh, count = name, 1
    while fresh in taken:
        count += 1
        fresh = f"{name}_{count}"
    taken.add(fresh)
    return fresh
