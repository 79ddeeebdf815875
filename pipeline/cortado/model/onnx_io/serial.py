"""Bytes of an ONNX file ↔ the model in memory.

Whatever form the weights have in the file, the model in memory is dense: every codec of
`cortado.storage` reads what is in its form, and weights in Constant nodes become initializers. A
dimension that is open has no size and no name (`dimensions`). Whatever is not a weight (names,
order, opsets, functions, metadata) comes back out as it went in, but for names that initializers
of several graphs share (`cortado.model.graph.constants`).
"""

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from cortado.errors import CortadoError, first_line
from cortado.model.graph.constants import name_apart
from cortado.model.graph.plain import lift_weights
from cortado.model.onnx_io.checks import check_proto, is_external
from cortado.model.onnx_io.dimensions import open_dimensions
from cortado.model.onnx_io.splice import splice, withhold
from cortado.storage.registry import all_codecs
from cortado.storage.walk import graphs_of, tensors_of

__all__ = [
    "decode",
    "encode",
    "encode_outline",
    "from_proto",
    "has_external_data",
    "parse",
]

_PROTO_LIMIT = 2**31 - 1  # protobuf refuses larger messages


def decode(data: bytes, source: str) -> ir.Model:
    """Return the model that the bytes of an ONNX file hold.

    Parameters
    ----------
    data : bytes
        A complete ONNX file whose weights are inside it.
    source : str
        What to call the file in an error.

    Raises
    ------
    CortadoError
        If the bytes are no valid model, or one that onnxruntime does not run.
    """
    return from_proto(parse(data, source), source)


def encode(model: ir.Model) -> bytes:
    """Return the bytes of the ONNX file that holds `model`, with its weights inside."""
    outline, large = withhold(model)
    proto = _to_proto(outline)
    if sum(array.nbytes for array in large.values()) + proto.ByteSize() > _PROTO_LIMIT:
        raise CortadoError("the model cannot be written as one ONNX file: it exceeds 2 GiB")
    try:
        return splice(proto, large)
    except ValueError as error:
        raise _cannot_write(error) from error


def encode_outline(model: ir.Model) -> bytes:
    """Return the bytes of `model` with its large weights as inputs, which need no values.

    onnxruntime accepts or refuses it as it does the model itself, but in a moment.
    """
    outline, large = withhold(model)
    proto = _to_proto(outline)
    inputs = {value.name for value in proto.graph.input}
    for tensor in proto.graph.initializer:
        if tensor.name in large and tensor.name not in inputs:
            info = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            proto.graph.input.append(info)
    kept = [tensor for tensor in proto.graph.initializer if tensor.name not in large]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    return splice(proto, {})


def _to_proto(model: ir.Model) -> onnx.ModelProto:
    try:
        proto = ir.to_proto(model)
        for graph in graphs_of(proto):
            _drop_repeated_metadata(graph)
    except (ValueError, RuntimeError) as error:  # RuntimeError: onnx_ir's own
        raise _cannot_write(error) from error
    return proto


def _cannot_write(error: Exception) -> CortadoError:
    return CortadoError(f"the model cannot be written as one ONNX file: {first_line(error)}")


def parse(data: bytes, source: str) -> onnx.ModelProto:
    """Return the protobuf that the bytes hold; its external data is not yet read."""
    if not data:
        raise CortadoError(f"{source} is empty; did the command before it fail?")
    if len(data) > _PROTO_LIMIT:
        raise CortadoError(f"{source} is larger than 2 GiB; keep its weights as external data")
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise CortadoError(f"{source} is not an ONNX model, or is truncated") from error
    if not proto.graph.node or not proto.opset_import:
        raise CortadoError(f"{source} is not an ONNX model, or is truncated: it has no graph")
    return proto


def has_external_data(data: bytes, source: str) -> bool:
    """Return whether some weights of an ONNX file are in other files."""
    return any(is_external(tensor) for tensor in tensors_of(parse(data, source)))


def from_proto(proto: onnx.ModelProto, source: str) -> ir.Model:
    """Return the model that a parsed file holds, checked and with dense weights."""
    open_dimensions(proto)
    check_proto(proto, source)
    try:
        for codec in all_codecs():
            codec.read(proto, source)
        model = ir.from_proto(proto)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise CortadoError(f"{source} cannot be read: {first_line(error)}") from error
    lift_weights(model)
    name_apart(model)
    return model


def _drop_repeated_metadata(graph: onnx.GraphProto) -> None:
    """Undo that onnx_ir writes the metadata of an initializer twice."""
    for tensor in graph.initializer:
        if tensor.metadata_props:
            metadata = {entry.key: entry.value for entry in tensor.metadata_props}
            del tensor.metadata_props[:]
            onnx.helper.set_metadata_props(tensor, metadata)
