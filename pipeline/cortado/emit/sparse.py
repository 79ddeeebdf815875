"""ONNX's sparse initializers: the positions of the non-zero elements, and their values.

A tensor of m elements, n of them not zero, takes 4m bytes as float32; as coordinates (COO)
with one int64 index an element it takes 12n. It pays above two thirds of zeros. onnxruntime
expands it when it loads the file: the file is smaller, memory and speed are those of the
dense model.

Indices count elements in row-major order, ascending, as the ONNX specification of
`SparseTensorProto` allows for any rank.
"""

import numpy as np
import onnx

__all__ = ["sparse_size", "to_sparse"]

_INDEX_BYTES = 8
_TENSOR_BYTES = 30  # names, shapes and types of two tensors instead of one


def sparse_size(elements: np.ndarray) -> int:
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


def _stored(elements: np.ndarray) -> np.ndarray:
    flat = elements.reshape(-1)
    stored: np.ndarray = flat.view(f"u{flat.itemsize}") != 0
    return stored
