"""Bytes of an ONNX file ↔ the model in memory.

Whatever form the weights have in the file, the model in memory is dense: sparse initializers
are expanded here, because `onnx_ir` would drop them without a word. Whatever is not a weight
(names, order, opsets, functions, metadata) comes back out as it went in.
"""

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["OPSETS", "decode", "encode", "from_proto", "has_external_data", "parse"]

OPSETS = range(7, 28)
"""Opsets of the default domain that onnxruntime guarantees to run (1.32: 7 to 27)."""

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
    try:
        data: bytes = ir.to_proto(model).SerializeToString(deterministic=True)
    except (ValueError, onnx.onnx_cpp2py_export.checker.ValidationError) as error:
        raise CortadoError(f"the model cannot be written as one ONNX file: {error}") from error
    return data


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
    return any(_is_external(tensor) for tensor in parse(data, source).graph.initializer)


def from_proto(proto: onnx.ModelProto, source: str) -> ir.Model:
    """Return the model that a parsed file holds, checked and with dense weights."""
    _check_opset(proto, source)
    _check_inside(proto.graph, source)
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise CortadoError(f"{source} is not a valid ONNX model: {_first_line(error)}") from error
    _expand_sparse(proto.graph, source)
    try:
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


def _check_inside(graph: onnx.GraphProto, source: str) -> None:
    for tensor in graph.initializer:
        if _is_external(tensor):
            raise CortadoError(
                f"{source}: the weights of {tensor.name} are in an external file; "
                "name the model by its path instead of piping it"
            )


def _is_external(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL)


def _expand_sparse(graph: onnx.GraphProto, source: str) -> None:
    """Replace each sparse initializer of a graph by a dense one of the same name."""
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        try:
            dense = _dense(sparse)
        except (ValueError, IndexError, MemoryError) as error:
            raise CortadoError(
                f"{source}: the sparse initializer {name} is damaged: {_first_line(error)}"
            ) from error
        graph.initializer.append(onnx.numpy_helper.from_array(dense, name))
    del graph.sparse_initializer[:]


def _dense(sparse: onnx.SparseTensorProto) -> Array:
    """Expand a COO tensor; indices of shape (nnz,) count elements, (nnz, rank) are coordinates."""
    values = onnx.numpy_helper.to_array(sparse.values)
    indices = onnx.numpy_helper.to_array(sparse.indices)
    shape = tuple(sparse.dims)
    if indices.ndim == 2:
        indices = np.ravel_multi_index(tuple(indices.T), shape)
    dense = np.zeros(int(np.prod(shape)), values.dtype)
    if indices.size and (indices.min() < 0 or indices.max() >= dense.size):
        raise ValueError("an index lies outside its shape")
    dense[indices] = values
    return dense.reshape(shape)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
