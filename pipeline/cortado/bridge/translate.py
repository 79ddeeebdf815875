"""The walk from an ONNX graph to a module: which nodes, in which order, by which function.

1. Shapes are inferred on a copy; the operators that need a rank read it there.
2. The nodes that the outputs need are found, backwards. If the bridge lacks an operator of
   theirs, all missing ones are named and nothing else is done.
3. Each node is translated by the function registered for its operator, in graph order.
"""

from collections.abc import Sequence

import onnx_ir as ir
from torch import fx

from cortado.bridge import operators  # noqa: F401 - importing it fills the registry
from cortado.bridge.builder import Builder
from cortado.bridge.context import Context
from cortado.bridge.registry import find, find_for_sizes
from cortado.bridge.shapes import opset_of, with_shapes
from cortado.bridge.sizes import Sizes
from cortado.bridge.weights import remember_attributes
from cortado.errors import CortadoError

__all__ = ["to_torch"]


def to_torch(model: ir.Model, outputs: Sequence[str] | None = None) -> fx.GraphModule:
    """Return the graph of `model` as a trainable module.

    ``forward`` takes the graph's inputs in order (without those that are initializers), each
    of the shape that the graph declares, with any batch. It returns one tensor if there is
    one output, else a tuple in order. What an initializer becomes: see `builder`. A
    BatchNormalization uses its running statistics, in training too; a Dropout drops in
    training only.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is; the module holds copies of its weights.
    outputs : sequence of str, optional
        Names of any values of the graph, such as the logits in front of a Softmax; by
        default the graph's outputs. Nodes that they do not need are left out.

    Raises
    ------
    CortadoError
        If the graph has no such value, or a node cannot be translated. All operators that
        the bridge lacks are named at once, with the nodes that use them.
    """
    graph = with_shapes(model).graph
    wanted = _find_values(graph, outputs)
    nodes = _needed(graph, wanted)
    _refuse_missing(nodes)
    builder = Builder()
    for value in graph.inputs:
        if not value.is_initializer():
            builder.add_input(value)
    for node in nodes:
        _translate(node, Context(node, opset_of(graph, node), builder))
    module = builder.finish([builder.tensor(value) for value in wanted])
    remember_attributes(module, builder.attributes)
    return module


def _find_values(graph: ir.Graph, names: Sequence[str] | None) -> list[ir.Value]:
    if names is None:
        return list(graph.outputs)
    known = ir.convenience.create_value_mapping(graph)
    for name in names:
        if name not in known:
            raise CortadoError(f"the graph has no value {name}")
    return [known[name] for name in names]


def _needed(graph: ir.Graph, wanted: Sequence[ir.Value]) -> list[ir.Node]:
    """Return the nodes that compute `wanted`, in graph order; constants are no work."""
    needed: set[ir.Node] = set()
    pending = list(wanted)
    while pending:
        node = pending.pop().producer()
        if node is not None and node not in needed:
            needed.add(node)
            pending.extend(value for value in node.inputs if value is not None)
    return [node for node in graph if node in needed and node.op_type != "Constant"]


def _refuse_missing(nodes: Sequence[ir.Node]) -> None:
    missing: dict[str, list[str]] = {}
    for node in nodes:
        if find(node) is None and find_for_sizes(node) is None:
            op_type = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            missing.setdefault(op_type, []).append(node.name or str(node.outputs[0].name))
    if missing:
        named = "; ".join(f"{op} ({', '.join(names)})" for op, names in missing.items())
        raise CortadoError(f"PyTorch code is lacking for these operators: {named}")


def _translate(node: ir.Node, ctx: Context) -> None:
    result = _apply(node, ctx)
    results = result if isinstance(result, tuple) else (result,)
    ctx.builder.values.update(zip(node.outputs, results, strict=False))
    for value in node.outputs[len(results) :]:
        if value.uses() or value.is_graph_output():
            raise ctx.refusal(f"its output {value.name} is not supported")


def _apply(node: ir.Node, ctx: Context) -> fx.Node | Sizes | tuple[fx.Node, ...]:
    """Call the function for shapes if the node turns shapes into a shape, else the other."""
    for_sizes, for_tensors = find_for_sizes(node), find(node)
    present = [index for index in range(len(node.inputs)) if ctx.has(index)]
    if for_sizes is not None and all(ctx.as_sizes(index) is not None for index in present):
        sizes = for_sizes(ctx)
        if sizes is not None:
            return sizes
    if for_tensors is None:
        raise ctx.refusal("the bridge knows it for shapes only")
    return for_tensors(ctx)
