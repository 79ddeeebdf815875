"""ONNX's sparse initializers: the positions of the non-zero elements, and their values.

A tensor of m elements, n of them not zero, takes 4m bytes as float32; as coordinates (COO)
with one int64 index an element it takes 12n. It pays above two thirds of zeros. onnxruntime
expands it when it loads the file: the file is smaller, memory and speed are those of the
dense model.

Indices count elements in row-major order, ascending, as the ONNX specification of
`SparseTensorProto` allows for any rank. Zero is the bit pattern of +0 and nothing else, which
the arrays of `scipy.sparse` do not tell from −0.
"""

import math
from collections.abc import Collection, Iterator

import numpy as np
import onnx

from cortado.errors import CortadoError, first_line
from cortado.model.typing import Array
from cortado.storage.codec import Codec, StoredTensor
from cortado.storage.dense import dense_bytes
from cortado.storage.walk import bodies_of, graphs_of

__all__ = ["Sparse", "sparse_size", "to_sparse"]

_INDEX_BYTES = 8
_TENSOR_BYTES = 30  # names, shapes and types of two tensors instead of one
_FLOAT_BYTES = 4


class Sparse(Codec):
    """ONNX's sparse initializers, for the float32 tensors where they are smaller."""

    name = "sparse"

    def size(self, array: Array) -> float | None:
        """Return the bytes of positions and values, and of a second tensor's names."""
        return float(sparse_size(array)) if _can_be_sparse(array) else None

    def write(self, proto: onnx.ModelProto, names: Collection[str]) -> tuple[StoredTensor, ...]:
        """Convert the initializers that become smaller.

        One that is an output of its graph too stays: it would be handed out as a sparse tensor.
        """
        for graph in bodies_of(proto):
            _make_sparse(graph, names)
        return tuple(tensor for tensor in self.found(proto) if tensor.name in names)

    def read(self, proto: onnx.ModelProto, source: str) -> None:
        """Replace each sparse initializer of a graph by a dense one of the same name."""
        for graph in graphs_of(proto):
            for sparse in graph.sparse_initializer:
                name = sparse.values.name
                try:
                    dense = _expanded(sparse)
                except (ValueError, KeyError, TypeError, MemoryError) as error:
                    raise CortadoError(
                        f"{source}: the sparse initializer {name} is damaged: {first_line(error)}"
                    ) from error
                graph.initializer.append(onnx.numpy_helper.from_array(dense, name))
            del graph.sparse_initializer[:]

    def found(self, proto: onnx.ModelProto) -> Iterator[StoredTensor]:
        """Yield the sparse initializers of all graphs."""
        for graph in bodies_of(proto):
            for sparse in graph.sparse_initializer:
                values, positions = dense_bytes(sparse.values), dense_bytes(sparse.indices)
                dense = math.prod(sparse.dims) * _FLOAT_BYTES
                yield StoredTensor(sparse.values.name, self.name, dense, positions, values)


def sparse_size(elements: Array) -> int:
    """Return what `elements` would take more as coordinates than a tensor without elements."""
    return int(_stored(elements).sum()) * (elements.itemsize + _INDEX_BYTES) + _TENSOR_BYTES


def to_sparse(tensor: onnx.TensorProto) -> onnx.SparseTensorProto:
    """Return a tensor in coordinate form; every bit pattern but +0 is stored, −0 too."""
    elements = onnx.numpy_helper.to_array(tensor)
    indices = np.flatnonzero(_stored(elements))
    sparse = onnx.SparseTensorProto()
    sparse.dims.extend(elements.shape)
    sparse.values.CopyFrom(
        onnx.numpy_helper.from_array(elements.reshape(-1)[indices], name=tensor.name)
    )
    sparse.indices.CopyFrom(onnx.numpy_helper.from_array(indices.astype(np.int64)))
    return sparse


def _make_sparse(graph: onnx.GraphProto, names: Collection[str]) -> None:
    outputs = {value.name for value in graph.output}
    moved = []
    for index, tensor in enumerate(graph.initializer):
        if tensor.name not in names or tensor.name in outputs:
            continue
        elements = onnx.numpy_helper.to_array(tensor)
        if (
            _can_be_sparse(elements)
            and elements.ndim > 0
            and sparse_size(elements) < elements.nbytes
        ):
            graph.sparse_initializer.append(to_sparse(tensor))
            moved.append(index)
    for index in reversed(moved):
        del graph.initializer[index]


def _can_be_sparse(elements: Array) -> bool:
    return bool(elements.dtype == np.float32)


def _expanded(sparse: onnx.SparseTensorProto) -> Array:
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


def _stored(elements: Array) -> Array:
    flat = elements.reshape(-1)
    stored: Array = flat.view(f"u{flat.itemsize}") != 0
    return stored
