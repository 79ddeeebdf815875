"""The pieces that are coded: initializers of a graph, and runs of them that share a codebook.

And what every decoder ends in: the nodes that give a piece its shape, its type and its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from cortado.model.typing import Array, FloatArray
from cortado.storage.coded.entries import Entries, one_filler, to_entries
from cortado.storage.coded.writer import Writer

__all__ = [
    "CodedTensor",
    "Piece",
    "Section",
    "cells_of",
    "filled_share",
    "sections_of",
    "write_filled",
    "write_piece",
]

_EXACT = frozenset(  # as float32, in which decoders compute
    {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.BFLOAT16,
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
        return cls.of_array(tensor.name, onnx.numpy_helper.to_array(tensor))

    @classmethod
    def of_array(cls, name: str, array: Array) -> "Piece | None":
        """Return the piece for an array; None if its values are not exact as float32."""
        data_type = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        if data_type not in _EXACT:
            return None
        values = array.astype(np.float32)
        if data_type != onnx.TensorProto.FLOAT and np.isnan(values).any():
            return None  # casts may change the bits of a NaN
        return cls(name, data_type, array.shape, values)


@dataclass(frozen=True)
class Section:
    """Pieces that lie one after another in a flat tensor and share a codebook."""

    pieces: tuple[Piece, ...]
    entries: Entries


@dataclass(frozen=True)
class CodedTensor:
    """The size of one tensor in a coded file, in bytes.

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


def sections_of(runs: Sequence[tuple[Piece, ...]], longest_gap: int) -> list[Section]:
    """Return a section for each run of pieces, their entries following one another."""
    sections: list[Section] = []
    for pieces in runs:
        values = np.concatenate([piece.values.reshape(-1) for piece in pieces])
        lead = sections[-1].entries.trail if sections else 0
        sections.append(Section(pieces, to_entries(values, longest_gap, lead)))
    if not any(len(section.entries.gaps) for section in sections):
        sections[0] = Section(sections[0].pieces, one_filler(sections[0].entries))
    return sections


def write_piece(writer: Writer, piece: Piece, part: str) -> None:
    """Write what gives the flat values of a piece its shape, its type and its name."""
    _write_last(writer, piece, "Reshape", part)


def write_filled(writer: Writer, piece: Piece) -> CodedTensor:
    """Write a piece that is one value all over."""
    _write_last(writer, piece, "Expand", writer.constant(piece.values.reshape(-1)[0]))
    return filled_share(piece)


def filled_share(piece: Piece) -> CodedTensor:
    """Return what a piece takes that is one value all over."""
    return CodedTensor(piece.name, 0, 0, piece.values.itemsize)


def _write_last(writer: Writer, piece: Piece, op_type: str, source: str) -> None:
    shaped = [source, writer.integers(*piece.shape)]
    if piece.data_type == onnx.TensorProto.FLOAT:
        writer.put(op_type, shaped, [piece.name])
    else:
        writer.put("Cast", [writer.node(op_type, shaped)], [piece.name], {"to": piece.data_type})
