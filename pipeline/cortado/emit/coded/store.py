"""The pass that codes a file: its initializers → the decoder that makes them."""

from collections.abc import Sequence

import onnx

from cortado.emit.coded.flat import LONGEST_GAP, write_flat
from cortado.emit.coded.lanes import lane_functions, write_lanes
from cortado.emit.coded.pieces import CodedTensor, sections_of, write_filled
from cortado.emit.coded.plan import make_plan
from cortado.emit.coded.slim import slim
from cortado.emit.coded.writer import Writer, short_names
from cortado.model.graph.nodes import STANDARD
from cortado.model.onnx_io.card import KEY, Card, hash_decoder, hash_weights
from cortado.model.onnx_io.coded import sort_by_use
from cortado.model.onnx_io.walk import graphs_inside, used_by

__all__ = ["OLDEST_OPSET", "has_codable", "store_coded"]

OLDEST_OPSET = 13
"""The first opset that has what decoders need: a Split that takes its sizes as an input."""

_OLDEST_IR = 4  # the first whose initializers need not be inputs
_OLDEST_IR_WITH_FUNCTIONS = 8


def has_codable(proto: onnx.ModelProto) -> bool:
    """Tell whether some initializer of a file, of any opset, is smaller coded."""
    plan = make_plan(_candidates(proto.graph))
    return bool(plan.flat or plan.lanes or plan.filled)


def store_coded(proto: onnx.ModelProto) -> list[CodedTensor]:
    """Code the initializers of a file that become smaller, in place, and leave out the redundant.

    Parameters
    ----------
    proto : onnx.ModelProto
        Of `OLDEST_OPSET` or newer.

    Returns
    -------
    list of CodedTensor
        What each coded tensor takes; the others are left as they are.
    """
    weights = hash_weights(proto.graph.initializer)
    slim(proto)
    sort_by_use(proto.graph)
    plan = make_plan(_candidates(proto.graph))
    writer = Writer(_names(proto))
    coded: list[CodedTensor] = []
    for runs in plan.flat:
        coded += write_flat(writer, sections_of(runs, LONGEST_GAP))
    domain = _free_domain(proto)
    coded += [write_lanes(writer, piece, domain) for piece in plan.lanes]
    coded += [write_filled(writer, piece) for piece in plan.filled]
    if not coded:
        return []
    functions = lane_functions(domain, _opset_of(proto)) if plan.lanes else []
    _insert(proto, writer, functions, {tensor.name for tensor in coded})
    decoder = hash_decoder(writer.nodes, writer.constants, functions)
    card = Card(len(writer.nodes), decoder, weights)
    onnx.helper.set_model_props(
        proto, {**{p.key: p.value for p in proto.metadata_props}, KEY: str(card)}
    )
    return coded


def _opset_of(proto: onnx.ModelProto) -> int:
    """Return the version of the standard operators."""
    return next(int(o.version) for o in proto.opset_import if o.domain in STANDARD)


def _free_domain(proto: onnx.ModelProto) -> str:
    """Return a short domain for functions that the file has no operators of."""
    taken = {opset.domain for opset in proto.opset_import}
    taken |= {function.domain for function in proto.functions}
    return next(name for name in short_names() if name not in taken)


def _candidates(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    """Return the initializers that a node may make: not those that a caller may override."""
    fixed = {value.name for value in (*graph.input, *graph.output)}
    used = used_by(graph.node) - fixed
    return [tensor for tensor in graph.initializer if tensor.name in used]


def _names(proto: onnx.ModelProto) -> set[str]:
    """Return every name of a value in the graph, and in graphs inside its nodes."""
    graphs = [proto.graph, *graphs_inside(proto.graph.node)]
    names = {tensor.name for graph in graphs for tensor in graph.initializer}
    for graph in graphs:
        names.update(value.name for value in (*graph.input, *graph.output))
        names.update(name for node in graph.node for name in (*node.input, *node.output))
    return names


def _insert(
    proto: onnx.ModelProto,
    writer: Writer,
    functions: Sequence[onnx.FunctionProto],
    gone: set[str],
) -> None:
    """Put the decoder in front of the nodes, its constants in the place of what it makes."""
    kept = [tensor for tensor in proto.graph.initializer if tensor.name not in gone]
    nodes = list(proto.graph.node)
    del proto.graph.initializer[:], proto.graph.node[:]
    proto.graph.initializer.extend([*kept, *writer.constants])
    proto.graph.node.extend([*writer.nodes, *nodes])
    proto.ir_version = max(proto.ir_version, _OLDEST_IR)
    if functions:
        proto.functions.extend(functions)
        proto.opset_import.append(onnx.helper.make_opsetid(functions[0].domain, 1))
        proto.ir_version = max(proto.ir_version, _OLDEST_IR_WITH_FUNCTIONS)
