"""The emitting pass: a model and a stored form → the bytes of a checked file."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import onnx
import onnx_ir as ir

from cortado.emit.coded import (
    OLDEST_OPSET,
    CodedTensor,
    fixed_initializers,
    has_codable,
    store_coded,
)
from cortado.emit.sparse import sparse_size, to_sparse
from cortado.errors import CortadoError
from cortado.model.graph.constants import initializers_of
from cortado.model.graph.nodes import opset_of
from cortado.model.onnx_io import serial
from cortado.model.onnx_io.card import KEY
from cortado.model.onnx_io.walk import graphs_inside
from cortado.model.typing import FloatArray
from cortado.opset import raise_opset
from cortado.runtime import Runtime

__all__ = ["Emitted", "Storage", "StoredTensor", "emit", "read_stored", "tensor_bytes"]

Storage = Literal["dense", "sparse", "coded"]

_FLOAT_BYTES = 4
_FORMS: dict[Storage, tuple[Storage, ...]] = {  # all are made, and the smallest file wins
    "dense": ("dense",),
    "sparse": ("sparse",),
    "coded": ("coded", "sparse"),
}


@dataclass(frozen=True)
class StoredTensor:
    """How one initializer is stored: its form, its bytes as dense values and in the file.

    What it takes in the file are the positions of values, the values (of a coded tensor: which
    of the codebook each is), and the codebook; of several that share, its part. Names, shapes
    and the nodes and tables of a decoder are in none of them. `reason` says why it could not be
    coded, where another form is no choice.
    """

    name: str
    storage: Storage
    dense_bytes: int
    positions: float
    values: float
    codebook: float = 0.0
    reason: str = ""

    @property
    def stored_bytes(self) -> float:
        """Its bytes in the file; of a code, fractions too."""
        return self.positions + self.values + self.codebook


@dataclass(frozen=True)
class Emitted:
    """The bytes of a file, and how each of its initializers is stored."""

    data: bytes
    tensors: tuple[StoredTensor, ...]

    @property
    def graph_bytes(self) -> float:
        """Bytes that are no tensor's own: nodes, names, shapes, and the tables of decoders."""
        return len(self.data) - sum(tensor.stored_bytes for tensor in self.tensors)


def emit(model: ir.Model, storage: Storage) -> Emitted:
    """Return the bytes of a file that an unmodified onnxruntime loads.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    storage : {"dense", "sparse", "coded"}
        The form of the tensors that it makes smaller. Those that it does not are sparse where
        that is smaller, unless it is "dense", and else dense.

    Raises
    ------
    CortadoError
        If onnxruntime refuses the file, or it does not decode to the same weights.
    """
    forms = [emitted for form in _FORMS[storage] if (emitted := _emit(model, form)) is not None]
    emitted = min(forms, key=lambda emitted: len(emitted.data))
    _check(model, emitted.data)
    return emitted


def read_stored(data: bytes, model: ir.Model) -> Emitted | None:
    """Tell how the tensors of a file are stored; a coded one is coded again to find that out.

    Parameters
    ----------
    data : bytes
        The file.
    model : onnx_ir.Model
        What it holds, decoded.

    Returns
    -------
    Emitted or None
        None for a coded file that was not made by this version, whose parts are not known.
    """
    proto = serial.parse(data, "the file")
    if not any(entry.key == KEY for entry in proto.metadata_props):
        return Emitted(data, tuple(_stored(proto)))
    again = _emit(model, "coded")
    return again if again is not None and again.data == data else None


def tensor_bytes(array: FloatArray) -> float:
    """Return what a tensor takes in the smallest stored form, alone in its file.

    That is its positions, values and codebook, as in `StoredTensor`.
    """
    tensor = onnx.numpy_helper.from_array(np.ascontiguousarray(array), "w")
    node = onnx.helper.make_node("Identity", ["w"], ["y"])
    output = onnx.helper.make_tensor_value_info("y", tensor.data_type, array.shape)
    graph = onnx.helper.make_graph([node], "tensor", [], [output], [tensor])
    opset = onnx.helper.make_opsetid("", OLDEST_OPSET)
    coded = store_coded(onnx.helper.make_model(graph, opset_imports=[opset]))
    sizes = [t.positions + t.values + t.codebook for t in coded]
    if array.dtype == np.float32:
        sizes.append(sparse_size(array))
    return float(min([array.nbytes, *sizes]))


def _emit(model: ir.Model, storage: Storage) -> Emitted | None:
    """Return the file in one form; None where nothing of it would be coded."""
    proto = serial.parse(serial.encode(model), "the model")
    sizes = {x.name: _dense_bytes(x) for graph in _graphs(proto) for x in graph.initializer}
    fixed = fixed_initializers(proto) if storage == "coded" else {}
    coded: list[CodedTensor] = []
    if storage == "coded":
        if opset_of(model) < OLDEST_OPSET and has_codable(proto):
            proto = _raised(model)
        coded = store_coded(proto)
        if not coded:
            return None
    if storage != "dense":
        for graph in _graphs(proto):
            _make_sparse(graph, sizes.keys())
    tensors = [
        StoredTensor(t.name, "coded", sizes[t.name], t.positions, t.values, t.codebook)
        for t in coded
    ]
    tensors += [
        replace(tensor, reason=fixed.get(tensor.name, ""))
        for tensor in _stored(proto)
        if tensor.name in sizes
    ]
    data: bytes = proto.SerializeToString(deterministic=True)
    return Emitted(data, tuple(tensors))


def _raised(model: ir.Model) -> onnx.ModelProto:
    """Return the file of a model in an opset that decoders can be written in."""
    try:
        raised = raise_opset(model, OLDEST_OPSET, model.ir_version)
    except CortadoError as error:
        raise CortadoError(f"{error}; --storage sparse or dense keeps it") from error
    return serial.parse(serial.encode(raised), "the model")


def _make_sparse(graph: onnx.GraphProto, names: Collection[str]) -> None:
    """Convert those of some initializers of a graph that become smaller, in place.

    One that is an output of the graph too stays: it would be handed out as a sparse tensor.
    """
    outputs = {value.name for value in graph.output}
    moved = []
    for index, tensor in enumerate(graph.initializer):
        elements = onnx.numpy_helper.to_array(tensor)
        can_be_sparse = elements.dtype == np.float32 and elements.ndim > 0
        can_be_sparse &= tensor.name in names and tensor.name not in outputs
        if can_be_sparse and sparse_size(elements) < elements.nbytes:
            graph.sparse_initializer.append(to_sparse(tensor))
            moved.append(index)
    for index in reversed(moved):
        del graph.initializer[index]


def _graphs(proto: onnx.ModelProto) -> list[onnx.GraphProto]:
    """Return the main graph, and those inside its nodes."""
    return [proto.graph, *graphs_inside(proto.graph.node)]


def _stored(proto: onnx.ModelProto) -> Iterator[StoredTensor]:
    for tensor in [tensor for graph in _graphs(proto) for tensor in graph.initializer]:
        size = _dense_bytes(tensor)
        yield StoredTensor(tensor.name, "dense", size, 0, size)
    for sparse in [tensor for graph in _graphs(proto) for tensor in graph.sparse_initializer]:
        values, positions = _dense_bytes(sparse.values), _dense_bytes(sparse.indices)
        dense = math.prod(sparse.dims) * _FLOAT_BYTES
        yield StoredTensor(sparse.values.name, "sparse", dense, positions, values)


def _dense_bytes(tensor: onnx.TensorProto) -> int:
    return ir.serde.deserialize_tensor(tensor).nbytes


def _check(model: ir.Model, data: bytes) -> None:
    """Load the bytes in onnxruntime, and compare every initializer with the model's.

    Those of graphs inside nodes may have moved to the main graph.
    """
    Runtime().open(data)
    decoded = initializers_of(serial.decode(data, "the emitted file"))
    for name, value in initializers_of(model).items():
        assert value.const_value is not None  # or the file would not have been valid
        stored = decoded[name].const_value if name in decoded else None
        if stored is None or _bits(stored) != _bits(value.const_value):
            raise CortadoError(f"{name} would not come back bit for bit")


def _bits(tensor: ir.TensorProtocol) -> bytes | tuple[bytes, ...]:
    if isinstance(tensor, ir.StringTensor):
        return tuple(tensor.string_data())
    return tensor.tobytes()
