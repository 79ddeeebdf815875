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

from collections.abc import Callable, Iterable, Iterator, Mapping

import onnx
import onnx_ir as ir
from google.protobuf.message import Message

from cortado.model.onnx_io.fields import Piece, field, floats
from cortado.model.typing import Array

__all__ = ["splice", "withhold"]

_LARGE = 2**20  # bytes; below it, a copy is cheaper than care
_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9


def withhold(model: ir.Model) -> tuple[ir.Model, dict[str, Array]]:
    """Return a model whose large weights are names alone, and their values by those names.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is, and returned where it has no large weight.
    """
    large = {
        name: value.const_value.numpy()
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
        What `withhold` left, as protobuf; it is taken apart.
    large : mapping of str to array of float32
        The values that it took out.
    """
    if not large:
        return _serialized(proto)
    graph = _around(proto.graph, _INITIALIZER, _initializers(proto.graph, large))
    return b"".join(_around(proto, _GRAPH, field(_GRAPH, graph)))


def _initializers(graph: onnx.GraphProto, large: Mapping[str, Array]) -> Iterator[Piece]:
    for tensor in graph.initializer:
        if tensor.name not in large:
            yield from field(_INITIALIZER, [_serialized(tensor)])
            continue
        del tensor.external_data[:]
        tensor.ClearField("data_location")
        values = field(_RAW_DATA, [floats(large[tensor.name])])
        yield from field(_INITIALIZER, _around(tensor, _RAW_DATA, values))


def _around(message: Message, number: int, fields: Iterable[Piece]) -> list[Piece]:
    """Return a message in pieces, those of the fields of one number being given."""
    pieces = list(fields)
    message.ClearField(message.DESCRIPTOR.fields_by_number[number].name)  # and all that it holds
    before = _part(message, lambda other: other < number)
    after = _part(message, lambda other: other > number)
    return [_serialized(before), *pieces, _serialized(after)]


def _part(message: Message, wanted: Callable[[int], bool]) -> Message:
    part = type(message)()
    part.CopyFrom(message)
    for descriptor, _ in message.ListFields():
        if not wanted(descriptor.number):
            part.ClearField(descriptor.name)
    return part


def _serialized(message: Message) -> bytes:
    data: bytes = message.SerializeToString(deterministic=True)
    return data
