"""The bytes of an ONNX file, made without a second copy of its large weights.

Protobuf serializes what it holds, so that every weight would be in memory three times: in the
model, in the protobuf, in the bytes. Here the protobuf holds only the names, types and shapes
of large float32 weights; their values go from the model straight to their place in the bytes:

    ModelProto    { …, 7 graph: GraphProto { …, 5 initializer: TensorProto { …, 9 raw_data } … } }

A message is the concatenation of its fields in the order of their numbers, so that what stands
before and after a large field is a message of its own with fewer fields. The result is, byte for
byte, what protobuf would have written.

Source: protobuf.dev, "Encoding"; onnx.proto for the numbers.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cortado.model.typing import Array

__all__ = ["splice", "withhold"]

_LARGE = 2**20  # bytes; below it, a copy is cheaper than care
_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9

_Piece = bytes | memoryview


def withhold(model: ir.Model) -> tuple[ir.Model, dict[str, Array]]:
    """Return a model whose large weights are names alone, and their values by those names.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is, and returned where it has no large weight.
    """
    large = {
        name: np.ascontiguousarray(value.const_value.numpy(), "<f4")
        for name, value in model.graph.initializers.items()
        if isinstance(value.const_value, ir.Tensor)
        and value.const_value.dtype is ir.DataType.FLOAT
        and value.const_value.nbytes >= _LARGE
    }
    if not large:
        return model, {}
    outline = model.clone()
    for name in large:
        value = outline.graph.initializers[name]
        tensor = value.const_value
        assert tensor is not None
        value.const_value = ir.ExternalTensor(
            "withheld",
            None,
            None,
            tensor.dtype,
            shape=ir.Shape(large[name].shape),
            name=name,
            doc_string=tensor.doc_string,
            metadata_props=dict(tensor.metadata_props),
        )
    return outline, large


def splice(proto: onnx.ModelProto, large: Mapping[str, Array]) -> bytes:
    """Return the bytes of a model with the values that were withheld from it.

    Parameters
    ----------
    proto : onnx.ModelProto
        What `withhold` left, as protobuf.
    large : mapping of str to array of float32
        The values that it took out.
    """
    return b"".join(_replace(proto, _GRAPH, lambda: _graph(proto.graph, large)))


def _graph(graph: onnx.GraphProto, large: Mapping[str, Array]) -> list[_Piece]:
    def initializers() -> Iterator[_Piece]:
        for tensor in graph.initializer:
            pieces = _tensor(tensor, large[tensor.name]) if tensor.name in large else None
            yield from _field(_INITIALIZER, pieces or [_serialized(tensor)])

    return [*_around(graph, _INITIALIZER, initializers)]


def _tensor(tensor: onnx.TensorProto, array: Array) -> list[_Piece]:
    del tensor.external_data[:]
    tensor.ClearField("data_location")
    values = array.reshape(-1).view(np.uint8).data
    return [*_around(tensor, _RAW_DATA, lambda: _field(_RAW_DATA, [values]))]


def _replace(
    message: Message, number: int, content: Callable[[], list[_Piece]]
) -> Iterator[_Piece]:
    return _around(message, number, lambda: _field(number, content()))


def _around(
    message: Message, number: int, fields: Callable[[], Iterator[_Piece]]
) -> Iterator[_Piece]:
    """Yield a message whose fields of one number are given as pieces."""
    yield _serialized(_part(message, lambda field: field.number < number))
    yield from fields()
    yield _serialized(_part(message, lambda field: field.number > number))


def _part(message: Message, wanted: Callable[[FieldDescriptor], bool]) -> Message:
    part = type(message)()
    part.CopyFrom(message)
    for field, _ in message.ListFields():
        if not wanted(field):
            part.ClearField(field.name)
    return part


def _field(number: int, content: list[_Piece]) -> Iterator[_Piece]:
    yield _varint(number << 3 | 2)
    yield _varint(sum(len(piece) for piece in content))
    yield from content


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def _serialized(message: Message) -> bytes:
    data: bytes = message.SerializeToString(deterministic=True)
    return data
