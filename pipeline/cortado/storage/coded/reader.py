"""Reading coded files: run the decoder once, and put its weights where it was.

What a decoder looks like is the business of `cortado.storage.coded`; here it is a run of nodes at
the front of the graph that depend on constants alone. It is hashed before it runs: a file that
was damaged, or changed by another program, is refused instead of being decoded to other weights.
A file that was made to do harm has the hash that fits. Hence the shape of every array that the
decoder computes must follow from the file alone, which leaves no room for loops, and together
they may not hold more than weights of that size are worth.
"""

import functools
import math
from collections.abc import Iterator, Sequence

import onnx
import onnx.inliner

from cortado.errors import CortadoError
from cortado.model.typing import Array
from cortado.runtime import constant_shapes, run_constants
from cortado.storage.coded.card import KEY, Card, hash_decoder, hash_weights
from cortado.storage.walk import graphs_inside, used_by

__all__ = ["decode_weights", "sort_by_use"]

_MOST_WEIGHTS = 2**31 - 1  # an ONNX file has room for so many bytes
_MOST_REPEATS = 64  # nodes for each one in the file, once functions are written out
_MOST_ELEMENTS = 64  # of all arrays, for each weight that comes out and each byte that goes in
_FREE_ELEMENTS = 2**26  # tables, which do not depend on the number of weights


def decode_weights(proto: onnx.ModelProto, source: str) -> None:
    """Replace the decoder of a coded file, in place, by the dense weights that it makes.

    A file without a card is left as it is.

    Raises
    ------
    CortadoError
        If the decoder or the card is damaged, or the weights are not those that were coded; and
        if decoding would take more memory than weights are worth.
    """
    card = _take_card(proto, source)
    if card is None:
        return
    decoder, rest = proto.graph.node[: card.nodes], proto.graph.node[card.nodes :]
    used = {name for node in decoder for name in node.input}
    constants = [tensor for tensor in proto.graph.initializer if tensor.name in used]
    domains = {node.domain for node in decoder} - {""}
    functions = [function for function in proto.functions if function.domain in domains]
    if hash_decoder(decoder, constants, functions) != card.decoder:
        raise CortadoError(
            f"{source}: its coded weights are damaged, or were changed by another program"
        )
    wanted = used_by(rest) | {value.name for value in proto.graph.output}
    weights = _run(proto, decoder, constants, functions, wanted, source)
    tensors = proto.graph.initializer
    kept = [tensor for tensor in tensors if tensor.name not in used or tensor.name in wanted]
    if hash_weights([*kept, *weights]) != card.weights:
        raise CortadoError(f"{source}: its weights are not those that were coded")
    _replace(proto, [*kept, *weights], rest, domains)
    sort_by_use(proto.graph)


def sort_by_use(graph: onnx.GraphProto) -> None:
    """Sort the initializers of a graph by where nodes first use them, in place.

    A coded file cannot keep another order; done before it is coded too, it loses nothing.
    """
    names = (name for node in graph.node for name in _read_by(node))
    place = {name: index for index, name in enumerate(dict.fromkeys(names))}
    tensors = sorted(graph.initializer, key=lambda tensor: place.get(tensor.name, len(place)))
    del graph.initializer[:]
    graph.initializer.extend(tensors)


def _read_by(node: onnx.NodeProto) -> Iterator[str]:
    """Yield the names that a node reads, then those that nodes inside it read."""
    yield from node.input
    for graph in graphs_inside([node]):
        for inner in graph.node:
            yield from inner.input


def _take_card(proto: onnx.ModelProto, source: str) -> Card | None:
    for index, entry in enumerate(proto.metadata_props):
        if entry.key == KEY:
            card = Card.parse(entry.value, source)
            del proto.metadata_props[index]
            return card
    return None


def _run(
    proto: onnx.ModelProto,
    decoder: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto],
    functions: Sequence[onnx.FunctionProto],
    wanted: set[str],
    source: str,
) -> list[onnx.TensorProto]:
    """Run the decoder, and return its outputs that the rest of the graph wants.

    Where the last step of a weight is a cast to another type, it is done here: numpy knows no
    integers of half a byte, which onnxruntime therefore does not hand out.
    """
    ends = [(node, name) for node in decoder for name in node.output if name in wanted]
    types = {name: _cast_type(node) for node, name in ends}
    names = {name: name if types[name] is None else node.input[0] for node, name in ends}
    graph = onnx.GraphProto(name="decoder", node=decoder, initializer=constants)
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names.values()))
    model = onnx.ModelProto(
        ir_version=proto.ir_version,
        opset_import=proto.opset_import,
        graph=graph,
        functions=functions,
    )
    _check_effort(model, source)
    values = run_constants(model.SerializeToString())
    return [_tensor(values[names[name]], name, types[name]) for name in types]


def _check_effort(model: onnx.ModelProto, source: str) -> None:
    """Refuse a decoder before it runs whose arrays are too large, or of unknown shapes."""
    written = sum(len(part.node) for part in (model.graph, *model.functions))
    if _count_nodes(model) > _MOST_REPEATS * written:
        raise CortadoError(f"{source}: its decoder repeats itself too often")
    plain = _without_functions(model, source)
    made = {name for node in plain.graph.node for name in node.output} - {""}
    wanted = [value.name for value in model.graph.output]
    plain.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made - set(wanted))
    shapes = constant_shapes(plain.SerializeToString())
    sizes = {name: math.prod(shape) for name, shape in shapes.items() if shape is not None}
    if any(graphs_inside(plain.graph.node)) or len(sizes) < len(shapes):
        raise CortadoError(f"{source}: its decoder computes arrays of unknown shapes")
    weights, elements = sum(sizes[name] for name in wanted), sum(sizes.values())
    worth = weights + sum(tensor.ByteSize() for tensor in plain.graph.initializer)
    if weights > _MOST_WEIGHTS or elements > _FREE_ELEMENTS + _MOST_ELEMENTS * worth:
        raise CortadoError(
            f"{source}: its decoder would compute {elements} elements for {weights} weights"
        )


def _count_nodes(model: onnx.ModelProto) -> int:
    """Return how many nodes a graph has once its functions are written out."""
    bodies = {(function.domain, function.name): function.node for function in model.functions}

    @functools.cache
    def count(domain: str, name: str) -> int:
        body = bodies.get((domain, name))
        return 1 if body is None else sum(count(node.domain, node.op_type) for node in body)

    return sum(count(node.domain, node.op_type) for node in model.graph.node)


def _without_functions(model: onnx.ModelProto, source: str) -> onnx.ModelProto:
    try:
        plain = onnx.inliner.inline_local_functions(model)
    except Exception as error:  # onnx's own classes share no narrower base
        raise CortadoError(f"{source}: its decoder is not valid") from error
    del plain.graph.value_info[:]  # what functions claim
    return plain


def _cast_type(node: onnx.NodeProto) -> int | None:
    return int(node.attribute[0].i) if node.op_type == "Cast" else None


def _tensor(value: Array, name: str, data_type: int | None) -> onnx.TensorProto:
    if data_type is not None:
        value = value.astype(onnx.helper.tensor_dtype_to_np_dtype(data_type))
    return onnx.numpy_helper.from_array(value, name)


def _replace(
    proto: onnx.ModelProto,
    initializers: Sequence[onnx.TensorProto],
    nodes: Sequence[onnx.NodeProto],
    domains: set[str],
) -> None:
    graph, functions = proto.graph, [f for f in proto.functions if f.domain not in domains]
    opsets = [opset for opset in proto.opset_import if opset.domain not in domains]
    for field, content in (
        (graph.initializer, initializers),
        (graph.node, nodes),
        (proto.functions, functions),
        (proto.opset_import, opsets),
    ):
        copies = list(content)
        del field[:]
        field.extend(copies)
