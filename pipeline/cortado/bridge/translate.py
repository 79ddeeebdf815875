"""The walk from an ONNX graph to a module: which nodes, in which order, by which function.

1. Shapes are inferred on a copy; the operators that need a rank read it there.
2. The nodes that the outputs need are found, backwards. If the bridge lacks an operator of
   theirs, all missing ones are named and nothing else is done.
3. Each node is translated by the function registered for its operator, in graph order. One whose
   inputs are all constants, and not trained, is translated and run at once.
4. Where the condition of an If is known by then, the nodes of its branch take its place; else
   both branches become modules, of which one runs.
"""

from collections.abc import Iterable, Sequence
from operator import getitem
from typing import TypeAlias

import onnx_ir as ir
import torch
from torch import fx

from cortado.bridge import operators  # noqa: F401 - importing it fills the registry
from cortado.bridge.branches import Branch, Choice
from cortado.bridge.builder import Builder
from cortado.bridge.context import NodeContext
from cortado.bridge.registry import find, find_for_sizes
from cortado.bridge.shapes import infer_shapes, version_of, with_shapes
from cortado.bridge.sizes import Sizes
from cortado.bridge.weights import remember_attributes
from cortado.errors import CortadoError
from cortado.model.graph.nodes import is_standard
from cortado.model.graph.reads import needed_nodes

__all__ = ["to_torch"]

Translated: TypeAlias = fx.Node | Sizes | tuple[fx.Node, ...]

_RANDOM = frozenset({"Dropout"})


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
    shaped = with_shapes(model)
    graph = shaped.graph
    wanted = _find_values(graph, outputs)
    nodes = _without_constants(needed_nodes(graph, wanted))
    _refuse_missing(nodes)
    builder = Builder(lambda: infer_shapes(shaped))
    for value in graph.inputs:
        if not value.is_initializer():
            builder.add_input(value)
    for node in nodes:
        _translate(node, NodeContext(node, version_of(graph, node), builder))
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


def _without_constants(nodes: Iterable[ir.Node]) -> list[ir.Node]:
    return [
        node for node in nodes if not is_standard(node, "Constant")
    ]  # what they hold is no work


def _refuse_missing(nodes: Sequence[ir.Node]) -> None:
    missing: dict[str, list[str]] = {}
    for node in nodes:
        if find(node) is None and find_for_sizes(node) is None and not is_standard(node, "If"):
            op_type = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            missing.setdefault(op_type, []).append(node.name or str(node.outputs[0].name))
    if missing:
        named = "; ".join(f"{op} ({', '.join(names)})" for op, names in missing.items())
        raise CortadoError(f"PyTorch code is lacking for these operators: {named}")


def _translate(node: ir.Node, ctx: NodeContext) -> None:
    if is_standard(node, "If"):
        _translate_branch(node, ctx)
        return
    if _is_fixed(node, ctx) and _compute(node, ctx):
        return
    _bind(node, ctx, _apply(node, ctx))


def _bind(node: ir.Node, ctx: NodeContext, result: Translated) -> None:
    results = result if isinstance(result, tuple) else (result,)
    ctx.builder.values.update(zip(node.outputs, results, strict=False))
    for value in node.outputs[len(results) :]:
        if value.uses() or value.is_graph_output():
            raise ctx.refusal(f"its output {value.name} is not supported")


def _translate_branch(node: ir.Node, ctx: NodeContext) -> None:
    """Translate the branch of an If that is taken, or both where that is not known."""
    condition = ctx.known(0)
    then, otherwise = (node.attributes[f"{name}_branch"].as_graph() for name in ("then", "else"))
    if condition is None:
        _bind(node, ctx, _choose(node, ctx, (then, otherwise)))
        return
    branch = then if condition.item() else otherwise
    _walk(branch, ctx, ctx.builder)
    for value, source in zip(node.outputs, branch.outputs, strict=True):
        known = ctx.builder.found(source)
        ctx.builder.values[value] = ctx.builder.tensor(source) if known is None else known


def _choose(
    node: ir.Node, ctx: NodeContext, graphs: tuple[ir.Graph, ir.Graph]
) -> fx.Node | tuple[fx.Node, ...]:
    """Return the outputs of an If that chooses when the module runs."""
    modules, arguments = [], []
    for graph in graphs:
        branch = Branch(ctx.builder)
        _walk(graph, ctx, branch)
        modules.append(branch.finish([branch.tensor(value) for value in graph.outputs]))
        arguments.append(tuple(branch.arguments))
    chosen = ctx.module(Choice(*modules), ctx.input(0), *arguments)
    if len(node.outputs) == 1:
        return chosen
    return tuple(ctx.call(getitem, chosen, index) for index in range(len(node.outputs)))


def _walk(graph: ir.Graph, ctx: NodeContext, builder: Builder) -> None:
    """Translate the nodes of a branch."""
    nodes = _without_constants(needed_nodes(graph, graph.outputs))
    _refuse_missing(nodes)
    for each in nodes:
        _translate(each, NodeContext(each, ctx.opset, builder))


def _is_fixed(node: ir.Node, ctx: NodeContext) -> bool:
    """Return whether a node computes the same in every run: all it reads is constant."""
    inputs = [value for value in node.inputs if value is not None]
    return not is_standard(node, *_RANDOM) and all(ctx.builder.fixed(v) is not None for v in inputs)


def _compute(node: ir.Node, ctx: NodeContext) -> bool:
    """Run a node now and keep its outputs; tell whether that was possible."""
    scratch = Builder()
    found = {v: ctx.builder.found(v) for v in node.inputs if v is not None}
    scratch.values.update({v: s for v, s in found.items() if isinstance(s, Sizes)})
    scratch.constants.update(ctx.builder.constants)
    result = _apply(node, NodeContext(node, ctx.opset, scratch))
    if isinstance(result, Sizes):
        _bind(node, ctx, result)
        return True
    results = result if isinstance(result, tuple) else (result,)
    with torch.no_grad():
        tensors = scratch.finish(list(results))()
    tensors = tensors if isinstance(tensors, tuple) else (tensors,)
    for value, tensor in zip(node.outputs, tensors, strict=False):
        ctx.builder.constants[value] = tensor.numpy()
    return len(tensors) >= sum(1 for v in node.outputs if v.uses() or v.is_graph_output())


def _apply(node: ir.Node, ctx: NodeContext) -> Translated:
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
