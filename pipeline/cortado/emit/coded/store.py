"""The pass that codes a file: its initializers → the decoder that makes them."""

from collections.abc import Sequence

import numpy as np
import onnx

from cortado.emit.coded.entries import one_filler, to_entries
from cortado.emit.coded.flat import LONGEST_GAP, write_flat
from cortado.emit.coded.lanes import DOMAIN, lane_functions, write_lanes
from cortado.emit.coded.pieces import CodedTensor, Piece, Section, write_filled
from cortado.emit.coded.plan import make_plan
from cortado.emit.coded.slim import slim
from cortado.emit.coded.writer import Writer
from cortado.model.card import KEY, Card, hash_decoder, hash_weights
from cortado.model.coded import sort_by_use, used_by

__all__ = ["OLDEST_OPSET", "store_coded", "with_entries"]

OLDEST_OPSET = 13
"""The first opset that has what decoders need: a Split that takes its sizes as an input."""

_OLDEST_IR = 8  # the first with functions


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
    for sections in plan.flat:
        coded += write_flat(writer, with_entries(sections))
    coded += [write_lanes(writer, piece) for piece in plan.lanes]
    coded += [write_filled(writer, piece) for piece in plan.filled]
    if not coded:
        return []
    functions = lane_functions(_opset_of(proto)) if plan.lanes else []
    _insert(proto, writer, functions, {tensor.name for tensor in coded})
    decoder = hash_decoder(writer.nodes, writer.constants, functions)
    card = Card(len(writer.nodes), decoder, weights)
    onnx.helper.set_model_props(
        proto, {**{p.key: p.value for p in proto.metadata_props}, KEY: str(card)}
    )
    return coded


def _opset_of(proto: onnx.ModelProto) -> int:
    """Return the version of the standard operators."""
    return next(int(o.version) for o in proto.opset_import if o.domain in ("", "ai.onnx"))


def _candidates(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    """Return the initializers that a node may make: not those that a caller may override."""
    fixed = {value.name for value in (*graph.input, *graph.output)}
    free = used_by(graph.node) - fixed
    return [tensor for tensor in graph.initializer if tensor.name in free]


def _names(proto: onnx.ModelProto) -> set[str]:
    """Return every name of a value in the graph, and in graphs inside its nodes."""
    names = {value.name for value in (*proto.graph.input, *proto.graph.output)}
    graphs = [proto.graph]
    while graphs:
        graph = graphs.pop()
        names.update(tensor.name for tensor in graph.initializer)
        for node in graph.node:
            names.update((*node.input, *node.output))
            graphs += [a.g for a in node.attribute if a.HasField("g")]
            graphs += [g for a in node.attribute for g in a.graphs]
    return names


def with_entries(sections: Sequence[tuple[Piece, ...]]) -> list[Section]:
    """Return sections whose entries follow one another in one flat tensor."""
    result: list[Section] = []
    for pieces in sections:
        values = np.concatenate([piece.values.reshape(-1) for piece in pieces])
        lead = result[-1].entries.trail if result else 0
        result.append(Section(pieces, to_entries(values, LONGEST_GAP, lead)))
    if not any(len(section.entries.gaps) for section in result):
        result[0] = Section(result[0].pieces, one_filler(result[0].entries))
    return result


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
    if functions:
        proto.functions.extend(functions)
        proto.opset_import.append(onnx.helper.make_opsetid(DOMAIN, 1))
        proto.ir_version = max(proto.ir_version, _OLDEST_IR)
