"""Checks that refuse an ONNX file before its weights are read.

ONNX's own checker and reader pass over much that would give another model, or none: such as
places of external data that they do not understand, and values that do not fill a shape.
"""

import math
from collections import Counter

import onnx
import onnx_ir as ir

from cortado.errors import CortadoError, first_line
from cortado.model.graph.nodes import STANDARD
from cortado.storage.walk import graphs_of, tensors_of

__all__ = ["OPSETS", "check_external", "check_proto", "is_external"]

OPSETS = range(7, 28)
"""Opsets of the default domain that onnxruntime guarantees to run (1.32: 7 to 27)."""

_EXTERNAL_KEYS = ("location", "offset", "length", "checksum")
_TYPES = {int(dtype) for dtype in ir.DataType}
_PROTO_LIMIT = 2**31 - 1  # protobuf refuses larger messages


def check_proto(proto: onnx.ModelProto, source: str) -> None:
    """Refuse what onnxruntime does not run, and what would be read as something else.

    Raises
    ------
    CortadoError
        If there is any such thing; the message begins with `source`.
    """
    _check_opset(proto, source)
    _check_inside(proto, source)
    _check_outputs(proto, source)
    _check_names(proto, source)
    if proto.training_info:
        raise CortadoError(f"{source} holds training_info, which would be lost; remove it first")
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise CortadoError(f"{source} is not a valid ONNX model: {first_line(error)}") from error
    _check_size(proto, source)
    for tensor in tensors_of(proto):
        _check_values(tensor, source)


def check_external(proto: onnx.ModelProto, source: str) -> None:
    """Refuse weights in other files whose place there is not stated as onnxruntime demands.

    What ONNX's own reader does not know it passes over: without its offset, a weight would be
    read from the beginning of the file.
    """
    for tensor in filter(is_external, tensors_of(proto)):
        keys = [entry.key for entry in tensor.external_data]
        odd = next((key for key in keys if key not in _EXTERNAL_KEYS or keys.count(key) > 1), None)
        if odd is not None:
            raise CortadoError(
                f"{source}: the external data of {tensor.name} states {odd!r} wrongly"
            )
        for entry in tensor.external_data:
            number = entry.value.isascii() and entry.value.isdigit()
            if entry.key in ("offset", "length") and not number:
                raise CortadoError(
                    f"{source}: the external data of {tensor.name} "
                    f"has the {entry.key} {entry.value!r}"
                )


def is_external(tensor: onnx.TensorProto) -> bool:
    """Return whether a tensor's values are in another file."""
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL)


def _check_opset(proto: onnx.ModelProto, source: str) -> None:
    for opset in proto.opset_import:
        if opset.domain in STANDARD and opset.version not in OPSETS:
            raise CortadoError(
                f"{source} uses opset {opset.version}; "
                f"onnxruntime runs opsets {OPSETS.start} to {OPSETS.stop - 1}"
            )


def _check_inside(proto: onnx.ModelProto, source: str) -> None:
    for tensor in tensors_of(proto):
        if is_external(tensor):
            raise CortadoError(
                f"{source}: the weights of {tensor.name} are in an external file; "
                "name the model by its path instead of piping it"
            )


def _check_outputs(proto: onnx.ModelProto, source: str) -> None:
    """Refuse outputs of one name, and one that contradicts the input that it is."""
    for name, times in Counter(output.name for output in proto.graph.output).items():
        if times > 1:
            raise CortadoError(f"{source} lists its output {name} {times} times")
    inputs = {value.name: value.type for value in proto.graph.input}
    for output in proto.graph.output:
        if inputs.get(output.name, output.type) != output.type:
            raise CortadoError(f"{source} gives its input and output {output.name} other types")


def _check_names(proto: onnx.ModelProto, source: str) -> None:
    """Refuse names that are no text; protobuf gives their bytes without a word."""
    for graph in graphs_of(proto):
        for node in graph.node:
            for name in (node.name, node.op_type, node.domain, *node.input, *node.output):
                if not isinstance(name, str):
                    raise CortadoError(f"{source}: the name {name!r} of a node is not UTF-8")


def _check_size(proto: onnx.ModelProto, source: str) -> None:
    """Refuse sparse initializers that would expand to more than a file may hold."""
    elements = sum(
        math.prod(x.dims) for graph in graphs_of(proto) for x in graph.sparse_initializer
    )
    if elements > _PROTO_LIMIT:
        raise CortadoError(
            f"{source}: its sparse initializers declare {elements} elements; "
            "an ONNX file has no room for them"
        )


def _check_values(tensor: onnx.TensorProto, source: str) -> None:
    """Refuse a tensor that holds more or fewer values than its shape says."""
    if tensor.data_type == onnx.TensorProto.STRING or tensor.data_type not in _TYPES:
        return  # what is of no known type is refused when it is read
    elements, dtype = math.prod(tensor.dims), ir.DataType(tensor.data_type)
    if tensor.HasField("raw_data"):
        found, needed = len(tensor.raw_data), -(-elements * dtype.bitwidth // 8)
    elif dtype is ir.DataType.FLOAT:
        found, needed = len(tensor.float_data), elements
    else:
        return
    if found != needed:
        raise CortadoError(
            f"{source}: {tensor.name or 'a constant'} of shape {list(tensor.dims)} does not hold "
            "the values that its shape says"
        )
