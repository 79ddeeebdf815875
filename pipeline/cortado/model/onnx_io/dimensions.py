"""Dimensions that a file leaves open, in the one form that ONNX has for them.

The ONNX specification leaves a dimension open by a dimension without a value; a name
(``dim_param``) states that all dimensions of that name are equal. Exporters write other forms:
PaddlePaddle's a value of −1, and the same ``?`` for dimensions that differ. Read literally, the
first is a size and the second a promise, and neither is true.
"""

import re
from collections.abc import Iterator

import onnx

from cortado.storage.walk import graphs_of

__all__ = ["open_dimensions"]

_NO_NAME = re.compile(r"\W*|-?\d+|none|null|unk|unknown", re.IGNORECASE)
"""Symbols that say no more than that a size is not known; ``unk__12`` is a name."""


def open_dimensions(proto: onnx.ModelProto) -> None:
    """Clear negative sizes and symbols that name nothing, in every declared shape, in place."""
    for graph in graphs_of(proto):
        for value in (*graph.input, *graph.output, *graph.value_info):
            for shape in _shapes_of(value.type):
                for dimension in shape.dim:
                    if _is_open(dimension):
                        dimension.ClearField("value")


def _shapes_of(kind: onnx.TypeProto) -> Iterator[onnx.TensorShapeProto]:
    """Yield the shapes in a type: that of a tensor, or of the tensors in a container."""
    which = kind.WhichOneof("value")
    if which in ("tensor_type", "sparse_tensor_type"):
        yield getattr(kind, which).shape
    elif which in ("sequence_type", "optional_type"):
        yield from _shapes_of(getattr(kind, which).elem_type)
    elif which == "map_type":
        yield from _shapes_of(kind.map_type.value_type)


def _is_open(dimension: onnx.TensorShapeProto.Dimension) -> bool:
    if dimension.HasField("dim_value"):
        return bool(dimension.dim_value < 0)
    name: object = dimension.dim_param  # bytes where a damaged file holds no UTF-8
    is_named = dimension.HasField("dim_param") and isinstance(name, str)
    return is_named and _NO_NAME.fullmatch(str(name)) is not None
