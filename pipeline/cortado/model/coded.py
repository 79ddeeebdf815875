"""Reading coded files: run the decoder once, and put its weights where it was.

What a decoder looks like is the business of `cortado.emit.coded`; here it is a run of nodes at
the front of the graph that depend on constants alone. It is hashed before it runs: a file that
was damaged, or changed by another program, is refused instead of being decoded to other weights.
"""

from collections.abc import Sequence

import onnx

from cortado.errors import CortadoError
from cortado.model.card import KEY, Card, hash_decoder, hash_weights
from cortado.model.typing import Array
from cortado.session import run_constants

__all__ = ["decode_weights", "sort_by_use"]


def decode_weights(proto: onnx.ModelProto, source: str) -> None:
    """Replace the decoder of a coded file, in place, by the dense weights that it makes.

    A file without a card is left as it is.

    Raises
    ------
    CortadoError
        If the decoder or the card is damaged, or the weights are not those that were coded.
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
    weights = _run(proto, decoder, constants, functions, rest)
    kept = [tensor for tensor in proto.graph.initializer if tensor.name not in used]
    if hash_weights([*kept, *weights]) != card.weights:
        raise CortadoError(f"{source}: its weights are not those that were coded")
    _replace(proto, [*kept, *weights], rest, domains)
    sort_by_use(proto.graph)


def sort_by_use(graph: onnx.GraphProto) -> None:
    """Sort the initializers of a graph by where nodes first use them, in place.

    A coded file cannot keep another order; done before it is coded too, it loses nothing.
    """
    names = (name for node in graph.node for name in node.input)
    place = {name: index for index, name in enumerate(dict.fromkeys(names))}
    tensors = sorted(graph.initializer, key=lambda tensor: place.get(tensor.name, len(place)))
    del graph.initializer[:]
    graph.initializer.extend(tensors)


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
    rest: Sequence[onnx.NodeProto],
) -> list[onnx.TensorProto]:
    """Run the decoder, and return its outputs that the rest of the graph uses.

    Where the last step of a weight is a cast to another type, it is done here: numpy knows no
    integers of half a byte, which onnxruntime therefore does not hand out.
    """
    makers = {name: node for node in decoder for name in node.output}
    used = {name for node in rest for name in node.input}
    types = {name: _cast_type(node) for name, node in makers.items() if name in used}
    names = {name: name if kind is None else makers[name].input[0] for name, kind in types.items()}
    graph = onnx.GraphProto(name=proto.graph.name, node=decoder, initializer=constants)
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names.values()))
    model = onnx.ModelProto(
        ir_version=proto.ir_version,
        opset_import=proto.opset_import,
        graph=graph,
        functions=functions,
    )
    values = run_constants(model.SerializeToString())
    return [_tensor(values[names[name]], name, types[name]) for name in types]


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
