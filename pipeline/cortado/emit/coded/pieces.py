"""What is coded: initializers of a graph, and runs of them that share a codebook."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from cortado.emit.coded.entries import Entries
from cortado.emit.coded.writer import Writer
from cortado.model.typing import FloatArray

__all__ = ["CodedTensor", "Piece", "Section", "cells_of", "write_filled", "write_piece"]

_EXACT = frozenset(  # as float32, in which decoders compute
    {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.INT8,
        onnx.TensorProto.UINT8,
        onnx.TensorProto.INT4,
        onnx.TensorProto.UINT4,
    }
)


@dataclass(frozen=True, eq=False)
class Piece:
    """One initializer: its name, ONNX data type, shape, and values as float32."""

    name: str
    data_type: int
    shape: tuple[int, ...]
    values: FloatArray

    @property
    def cells(self) -> int:
        """The number of elements."""
        return self.values.size

    @classmethod
    def of(cls, tensor: onnx.TensorProto) -> "Piece | None":
        """Return the piece for an initializer; None if its values are not exact as float32."""
        if tensor.data_type not in _EXACT:
            return None
        array = onnx.numpy_helper.to_array(tensor)
        values = array.astype(np.float32)
        if values.astype(array.dtype).tobytes() != array.tobytes():  # the bits of a NaN
            return None
        return cls(tensor.name, tensor.data_type, tuple(tensor.dims), values)


@dataclass(frozen=True)
class Section:
    """Pieces that lie one after another in a flat tensor and share a codebook."""

    pieces: tuple[Piece, ...]
    entries: Entries


@dataclass(frozen=True)
class CodedTensor:
    """What one tensor takes in a coded file, in bytes.

    Attributes
    ----------
    name : str
        The initializer.
    positions, values : float
        Its share of the payload, in fractions of a byte as codes do not end at whole ones.
    codebook : float
        Its share of the table of values.
    """

    name: str
    positions: float
    values: float
    codebook: float

    @property
    def bytes(self) -> float:
        """All of it."""
        return self.positions + self.values + self.codebook


def cells_of(sections: Sequence[Section]) -> list[int]:
    """Return the sizes of all pieces, in order."""
    return [piece.cells for section in sections for piece in section.pieces]


def write_piece(writer: Writer, piece: Piece, part: str) -> None:
    """Write what gives the flat values of a piece its shape and type, and its name."""
    shaped = [part, writer.integers(*piece.shape)]
    if piece.data_type == onnx.TensorProto.FLOAT:
        writer.put("Reshape", shaped, [piece.name])
    else:
        cast = writer.node("Reshape", shaped)
        writer.put("Cast", [cast], [piece.name], {"to": piece.data_type})


def write_filled(writer: Writer, piece: Piece) -> CodedTensor:
    """Write a piece that is one value all over."""
    shape = writer.integers(*piece.shape)
    value = writer.constant(piece.values.reshape(-1)[0])
    if piece.data_type == onnx.TensorProto.FLOAT:
        writer.put("Expand", [value, shape], [piece.name])
    else:
        filled = writer.node("Expand", [value, shape])
        writer.put("Cast", [filled], [piece.name], {"to": piece.data_type})
    return CodedTensor(piece.name, 0, 0, piece.values.itemsize)
