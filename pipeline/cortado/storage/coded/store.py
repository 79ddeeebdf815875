"""The pass that codes a file: its initializers → the decoder that makes them.

The decoder is in the main graph, where onnxruntime folds it. A graph inside a node sees the values
around it, so that what is coded of its initializers is left out of it, and made outside under the
same name.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import onnx

from cortado.model.graph.nodes import STANDARD
from cortado.storage.coded.card import KEY, Card, hash_decoder, hash_weights
from cortado.storage.coded.flat_decoder import LONGEST_GAP, write_flat
from cortado.storage.coded.lanes import lane_functions, write_lanes
from cortado.storage.coded.layout import make_layout
from cortado.storage.coded.pieces import CodedTensor, Piece, sections_of, write_filled
from cortado.storage.coded.reader import sort_by_use
from cortado.storage.coded.slim import slim
from cortado.storage.coded.writer import Writer, short_names
from cortado.storage.walk import bodies_of, graphs_inside, used_by

__all__ = ["OLDEST_OPSET", "fixed_initializers", "has_codable", "store_coded"]

OLDEST_OPSET = 13
"""The first opset that has what decoders need: a Split that takes its sizes as an input."""

_OLDEST_IR = 4  # the first whose initializers need not be inputs
_OLDEST_IR_WITH_FUNCTIONS = 8


def has_codable(proto: onnx.ModelProto) -> bool:
    """Return whether some initializer of a file, of any opset, is smaller coded."""
    layout = make_layout(_candidates(proto))
    return bool(layout.flat or layout.lanes or layout.filled)


def store_coded(proto: onnx.ModelProto, names: Collection[str]) -> list[CodedTensor]:
    """Code the initializers of a file that become smaller, in place, and leave out the redundant.

    Parameters
    ----------
    proto : onnx.ModelProto
        Of `OLDEST_OPSET` or newer.
    names : collection of str
        The initializers that may be coded.

    Returns
    -------
    list of CodedTensor
        What each coded tensor takes; the others are left as they are.
    """
    slim(proto)
    sort_by_use(proto.graph)
    layout = make_layout([piece for piece in _candidates(proto) if piece.name in names])
    writer = Writer(_names(proto))
    coded: list[CodedTensor] = []
    for runs in layout.flat:
        coded += write_flat(writer, sections_of(runs, LONGEST_GAP))
    domain = _free_domain(proto)
    coded += [write_lanes(writer, piece, domain) for piece in layout.lanes]
    coded += [write_filled(writer, piece) for piece in layout.filled]
    if not coded:
        return []
    functions = lane_functions(domain, _opset_of(proto)) if layout.lanes else []
    gone = {tensor.name for tensor in coded}
    weights = _hash(proto, gone)
    _insert(proto, writer, functions, gone)
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


def fixed_initializers(proto: onnx.ModelProto) -> dict[str, str]:
    """Return the initializers that no node of the main graph may make, and why."""
    reasons: dict[str, str] = {}
    defined = Counter(_definitions(proto))
    for graph in bodies_of(proto):
        inputs = {value.name for value in graph.input}
        outputs = {value.name for value in graph.output}
        for tensor in graph.initializer:
            if tensor.name in inputs:
                reasons[tensor.name] = "it is an input of its graph, which may be given"
            elif tensor.name in outputs:
                reasons[tensor.name] = "it is an output of its graph"
            elif defined[tensor.name] > 1:
                reasons[tensor.name] = "another value has its name"
    return reasons


def _candidates(proto: onnx.ModelProto) -> list[Piece]:
    """Return the initializers that a node of the main graph may make, and that are used."""
    fixed, used = fixed_initializers(proto), used_by(proto.graph.node)
    tensors = [tensor for graph in bodies_of(proto) for tensor in graph.initializer]
    chosen = [tensor for tensor in tensors if tensor.name in used and tensor.name not in fixed]
    return [piece for tensor in chosen if (piece := Piece.of(tensor)) is not None]


def _definitions(proto: onnx.ModelProto) -> Iterator[str]:
    """Yield the name of each value where it is defined, initializers that are inputs once."""
    for graph in bodies_of(proto):
        yield from {value.name for value in (*graph.input, *graph.initializer)}
        yield from (name for node in graph.node for name in node.output)


def _hash(proto: onnx.ModelProto, coded: Collection[str]) -> str:
    """Return the hash of what the main graph has once it is decoded."""
    inner = [
        tensor
        for graph in graphs_inside(proto.graph.node)
        for tensor in graph.initializer
        if tensor.name in coded
    ]
    return hash_weights([*proto.graph.initializer, *inner])


def _names(proto: onnx.ModelProto) -> set[str]:
    """Return every name of a value in the graph, and in graphs inside its nodes."""
    graphs = bodies_of(proto)
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
    for graph in bodies_of(proto):
        kept = [tensor for tensor in graph.initializer if tensor.name not in gone]
        del graph.initializer[:]
        graph.initializer.extend(kept)
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.initializer.extend(writer.constants)
    proto.graph.node.extend([*writer.nodes, *nodes])
    proto.ir_version = max(proto.ir_version, _OLDEST_IR)
    if functions:
        proto.functions.extend(functions)
        proto.opset_import.append(onnx.helper.make_opsetid(functions[0].domain, 1))
        proto.ir_version = max(proto.ir_version, _OLDEST_IR_WITH_FUNCTIONS)
