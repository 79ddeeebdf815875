"""The emitting pass: a model and a stored form → the bytes of a checked file."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
import onnx_ir as ir

from cortado.emit.sparse import sparse_size, to_sparse
from cortado.errors import CortadoError
from cortado.model import serial
from cortado.session import open_session

__all__ = ["Emitted", "Storage", "StoredTensor", "emit"]

Storage = Literal["dense", "sparse"]


@dataclass(frozen=True)
class StoredTensor:
    """How one initializer is stored: its form, its bytes as dense values and in the file."""

    name: str
    storage: Storage
    dense_bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class Emitted:
    """The bytes of a file, and how each of its initializers is stored."""

    data: bytes
    tensors: tuple[StoredTensor, ...]


def emit(model: ir.Model, storage: Storage) -> Emitted:
    """Return the bytes of a file that an unmodified onnxruntime loads.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    storage : {"dense", "sparse"}
        The form of the tensors that it makes smaller; the others stay dense.

    Raises
    ------
    CortadoError
        If onnxruntime refuses the file, or it does not decode to the same weights.
    """
    proto = serial.parse(serial.encode(model), "the model")
    tensors = _store(proto.graph, storage)
    data: bytes = proto.SerializeToString(deterministic=True)
    _check(model, data)
    return Emitted(data, tuple(tensors))


def _store(graph: onnx.GraphProto, storage: Storage) -> list[StoredTensor]:
    """Convert the initializers of a graph that become smaller, in place."""
    tensors, moved = [], []
    for index, tensor in enumerate(graph.initializer):
        elements = onnx.numpy_helper.to_array(tensor)
        smaller = sparse_size(elements) if elements.dtype == np.float32 else elements.nbytes
        if storage == "sparse" and elements.ndim and smaller < elements.nbytes:
            graph.sparse_initializer.append(to_sparse(tensor))
            tensors.append(StoredTensor(tensor.name, "sparse", elements.nbytes, smaller))
            moved.append(index)
        else:
            size = -(-elements.size * ir.DataType(tensor.data_type).bitwidth // 8)
            tensors.append(StoredTensor(tensor.name, "dense", size, size))
    for index in reversed(moved):
        del graph.initializer[index]
    return tensors


def _check(model: ir.Model, data: bytes) -> None:
    """Load the bytes in onnxruntime, and compare every initializer with the model's.

    Those of graphs inside nodes are not touched by any stored form, and not compared.
    """
    open_session(data)
    decoded = serial.decode(data, "the emitted file").graph.initializers
    for name, value in model.graph.initializers.items():
        assert value.const_value is not None  # or the file would not have been valid
        stored = decoded[name].const_value if name in decoded else None
        if stored is None or stored.tobytes() != value.const_value.tobytes():
            raise CortadoError(f"{name} would not come back bit for bit")
