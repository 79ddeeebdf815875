"""Bytes of an ONNX file ↔ the model in memory.

Whatever form the weights have in the file, the model in memory is dense: coded weights are
decoded, and sparse initializers are expanded here, because `onnx_ir` would drop them without a
word. Whatever is not a weight (names, order, opsets, functions, metadata) comes back out as it
went in.
"""

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from cortado.errors import CortadoError
from cortado.model.coded import decode_weights
from cortado.model.splice import splice, withhold
from cortado.model.typing import Array
from cortado.model.walk import graphs_inside

__all__ = [
    "OPSETS",
    "check_external",
    "decode",
    "encode",
    "encode_outline",
    "from_proto",
    "has_external_data",
    "parse",
]

OPSETS = range(7, 28)
"""Opsets of the default domain that onnxruntime guarantees to run (1.32: 7 to 27)."""

_EXTERNAL_KEYS = ("location", "offset", "length", "checksum")
_TYPES = {int(dtype) for dtype in ir.DataType}
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
        for graph in _graphs(proto):
            _drop_repeated_metadata(graph)
    except (ValueError, RuntimeError) as error:  # RuntimeError: onnx_ir's own
        raise _cannot_write(error) from error
    return proto


def _cannot_write(error: Exception) -> CortadoError:
    return CortadoError(f"the model cannot be written as one ONNX file: {_first_line(error)}")


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
    """Tell whether some weights of an ONNX file are in other files."""
    return any(_is_external(tensor) for tensor in _tensors(parse(data, source)))


def check_external(proto: onnx.ModelProto, source: str) -> None:
    """Refuse weights in other files whose place there is not stated as onnxruntime demands.

    What ONNX's own reader does not know it passes over: without its offset, a weight would be
    read from the beginning of the file.
    """
    for tensor in filter(_is_external, _tensors(proto)):
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


def from_proto(proto: onnx.ModelProto, source: str) -> ir.Model:
    """Return the model that a parsed file holds, checked and with dense weights."""
    _check_opset(proto, source)
    _check_inside(proto, source)
    _check_outputs(proto, source)
    if proto.training_info:
        raise CortadoError(f"{source} holds training_info, which would be lost; remove it first")
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise CortadoError(f"{source} is not a valid ONNX model: {_first_line(error)}") from error
    _check_size(proto, source)
    for tensor in _tensors(proto):
        _check_values(tensor, source)
    for graph in _graphs(proto):
        _expand_sparse(graph, source)
    try:
        decode_weights(proto, source)
        return ir.from_proto(proto)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise CortadoError(f"{source} cannot be read: {_first_line(error)}") from error


def _check_opset(proto: onnx.ModelProto, source: str) -> None:
    for opset in proto.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version not in OPSETS:
            raise CortadoError(
                f"{source} uses opset {opset.version}; "
                f"onnxruntime runs opsets {OPSETS.start} to {OPSETS.stop - 1}"
            )


def _check_inside(proto: onnx.ModelProto, source: str) -> None:
    for tensor in _tensors(proto):
        if _is_external(tensor):
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


def _is_external(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL)


def _check_size(proto: onnx.ModelProto, source: str) -> None:
    """Refuse sparse initializers that would expand to more than a file may hold."""
    elements = sum(math.prod(x.dims) for graph in _graphs(proto) for x in graph.sparse_initializer)
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


def _expand_sparse(graph: onnx.GraphProto, source: str) -> None:
    """Replace each sparse initializer of a graph by a dense one of the same name."""
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        try:
            dense = _dense(sparse)
        except (ValueError, KeyError, TypeError, MemoryError) as error:
            raise CortadoError(
                f"{source}: the sparse initializer {name} is damaged: {_first_line(error)}"
            ) from error
        graph.initializer.append(onnx.numpy_helper.from_array(dense, name))
    del graph.sparse_initializer[:]


def _dense(sparse: onnx.SparseTensorProto) -> Array:
    """Expand a COO tensor; indices of shape (nnz,) count elements, (nnz, rank) are coordinates.

    That the indices lie inside the shape, ascending, was checked by the ONNX checker.
    """
    values = onnx.numpy_helper.to_array(sparse.values)
    indices = onnx.numpy_helper.to_array(sparse.indices)
    shape = tuple(sparse.dims)
    if indices.ndim == 2:
        indices = np.ravel_multi_index(tuple(indices.T), shape)
    dense = np.zeros(math.prod(shape), values.dtype)
    dense[indices] = values
    return dense.reshape(shape)


def _graphs(proto: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """Yield the graph of a model and all graphs inside its nodes and functions."""
    yield proto.graph
    yield from graphs_inside(proto.graph.node)
    for function in proto.functions:
        yield from graphs_inside(function.node)


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of a model: initializers, sparse ones, and attributes of nodes."""
    for graph in _graphs(proto):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for parent in (*_graphs(proto), *proto.functions):
        for node in parent.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors


def _drop_repeated_metadata(graph: onnx.GraphProto) -> None:
    """Undo that onnx_ir writes the metadata of an initializer twice."""
    for tensor in graph.initializer:
        if tensor.metadata_props:
            metadata = {entry.key: entry.value for entry in tensor.metadata_props}
            del tensor.metadata_props[:]
            onnx.helper.set_metadata_props(tensor, metadata)


def _first_line(error: BaseException) -> str:
    """Return the first line of the error behind a chain of errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
