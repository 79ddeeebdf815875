"""The decoder for small tensors: all of them in one flat tensor, in the class code.

The gaps of all entries, then their values, are one sequence of 2N numbers in the class code (see
`classes`), laid out as

    0 … 0 1 | classes of the gaps | classes of the values | suffixes of both | 0 … 0

The decoder is straight: no loop, no function, some forty nodes. With t_0 the one in front and
t_1, t_2, … those of the classes behind it, number j has the class t_j − t_{j−1} − 1. Suffixes hold
ones too, but lie behind: TopK, which of equal numbers takes the first ones, gives t_0 … t_2N.
The classes give the widths, their running sum the ends of the suffixes, and a convolution with
the kernel 2^(K−1), …, 2, 1 the K bits in front of any end as a number, whose remainder by 2^w is
the suffix of w bits. A running sum over the gaps gives the cells, and MaxUnpool puts the values
there.

Shapes: everything of the two rows gap and value is (2, N) or (1, 1, 2, N). All sums stay below
2^24, where float32 is exact.
"""

from collections.abc import Sequence

import numpy as np
import onnx

from cortado.model.typing import Array, IntArray
from cortado.storage.coded.classes import best_widths, code_lengths, encode
from cortado.storage.coded.pieces import CodedTensor, Section, cells_of, write_piece
from cortado.storage.coded.writer import Writer

__all__ = ["LONGEST_GAP", "flat_shares", "write_flat"]

LONGEST_GAP = 2**15 - 1

_LAST_AXIS = np.array(-1)


def write_flat(writer: Writer, sections: Sequence[Section]) -> list[CodedTensor]:
    """Write the nodes and constants whose outputs are the pieces of some sections."""
    rows, widths = _rows_of(sections)
    numbers, first = _write_numbers(writer, rows, widths)
    gap_row, value_row = writer.name(), writer.name()
    writer.put("Split", [numbers, writer.integers(1, 1)], [gap_row, value_row], {"axis": 2})
    jumps = writer.node("Cast", [gap_row], {"to": onnx.TensorProto.INT64})
    cells = writer.node("CumSum", [jumps, writer.constant(_LAST_AXIS)])  # from 1
    values = _write_values(writer, sections, value_row, cells, first)
    reach = 2 + sum(cells_of(sections)) - len(rows[0])  # N − 1 + reach cells come out
    flat = writer.node("MaxUnpool", [values, cells], {"kernel_shape": [1, reach]})
    _write_pieces(writer, sections, flat)
    return _shares(sections, rows, widths)


def flat_shares(sections: Sequence[Section]) -> list[CodedTensor]:
    """Return what the pieces of some sections take, in order, without writing them."""
    return _shares(sections, *_rows_of(sections))


def _rows_of(sections: Sequence[Section]) -> tuple[list[IntArray], list[IntArray]]:
    """Return the gaps and the ranks of all entries, and the widths of their classes."""
    rows = [
        np.concatenate([section.entries.gaps for section in sections]),
        np.concatenate([section.entries.ranks for section in sections]),
    ]
    return rows, [best_widths(np.bincount(row)) for row in rows]


def _shares(
    sections: Sequence[Section], rows: Sequence[IntArray], widths: Sequence[IntArray]
) -> list[CodedTensor]:
    """Return what each piece takes of the payload and of the codebooks."""
    gap_bits, rank_bits = map(code_lengths, rows, widths)
    bounds = np.cumsum([0, *cells_of(sections)])
    splits = np.searchsorted(np.cumsum(rows[0] + 1) - 1, bounds)
    shares, index = [], 0
    for section in sections:
        for piece in section.pieces:
            part = slice(splits[index], splits[index + 1])
            positions, values = gap_bits[part].sum() / 8, rank_bits[part].sum() / 8
            count = splits[index + 1] - splits[index]
            codebook = section.entries.codebook.nbytes * count / max(len(section.entries.gaps), 1)
            shares.append(CodedTensor(piece.name, positions, values, codebook))
            index += 1
    return shares


def _write_numbers(
    writer: Writer, rows: Sequence[IntArray], widths: Sequence[IntArray]
) -> tuple[str, int]:
    """Write what decodes the numbers, of shape (1, 1, 2, N): gaps + 1, and ranks + first.

    One table serves both rows. Its entry 0 is no class (the difference of two ones is at least
    1) but counts one number, so that the gaps come out with the 1 that a running sum needs. The
    ranks come out with all numbers in front of their classes, `first`.
    """
    first = 1 + int((1 << widths[0]).sum())
    count = len(rows[0])
    longest = max(1, int(np.concatenate(widths).max()))  # K
    payload, starts = _payload(rows, widths, longest)
    bits, windows = _write_bits(writer, payload, longest)
    ones = writer.name()  # (1, 1, 2N + 1)
    # Of equal bits TopK takes those in front, in order: the ones of the classes.
    writer.put("TopK", [bits, writer.integers(2 * count + 1)], [writer.name(), ones])
    lower = [ones, writer.integers(0, 0, 0), writer.integers(1, 1, 2 * count)]
    upper = [ones, writer.integers(0, 0, 1), writer.integers(1, 1, 2 * count + 1)]
    runs = writer.node("Sub", [writer.node("Slice", upper), writer.node("Slice", lower)])
    pairs = writer.node("Reshape", [runs, writer.integers(2, -1)])
    offsets = writer.constant(np.array([[0], [len(widths[0])]]))
    classes = writer.node("Add", [pairs, offsets])

    table = writer.constant(np.concatenate([[0], *widths]))
    suffix_widths = writer.node("Gather", [table, classes])
    run = writer.node("CumSum", [suffix_widths, writer.constant(_LAST_AXIS)])
    ends = writer.node("Add", [run, writer.constant(starts)])
    window = writer.node("Gather", [windows, ends], {"axis": 2})
    sizes = writer.node("Pow", [writer.constant(np.float32(2)), table])
    totals = writer.node("CumSum", [sizes, writer.constant(_LAST_AXIS)])
    bases = writer.node("Sub", [totals, sizes])
    size = writer.node("Gather", [sizes, classes])
    suffix = writer.node("Mod", [window, size], {"fmod": 1})
    return writer.node("Add", [writer.node("Gather", [bases, classes]), suffix]), first


def _payload(
    rows: Sequence[IntArray], widths: Sequence[IntArray], longest: int
) -> tuple[Array, IntArray]:
    """Return the bytes, and the window that ends where the suffixes of each row start, (2, 1).

    Zeros in front see to it that no window of K bits, `longest`, begins before the payload.
    """
    classes, suffixes = zip(*map(encode, rows, widths), strict=True)
    front = np.append(np.zeros(max(0, longest - 1 - sum(map(len, classes))), np.uint8), np.uint8(1))
    bits = np.concatenate([front, *classes, *suffixes])
    start = len(front) + sum(map(len, classes)) - longest
    return np.packbits(bits), np.array([[start], [start + len(suffixes[0])]])


def _write_bits(writer: Writer, payload: Array, longest: int) -> tuple[str, str]:
    """Write what unpacks bytes: the bits, and for each place the number of the next K bits.

    Both are of shape (1, 1, places), float32.
    """
    shifts = writer.constant(np.arange(7, -1, -1, dtype=np.uint8))
    data = [writer.constant(payload[:, None]), shifts]
    shifted = writer.node("BitShift", data, {"direction": "RIGHT"})
    lowest = writer.node("Mod", [shifted, writer.constant(np.array(2, np.uint8))])
    numbers = writer.node("Cast", [lowest], {"to": onnx.TensorProto.FLOAT})
    bits = writer.node("Reshape", [numbers, writer.integers(1, 1, -1)])
    places = writer.constant(np.arange(longest - 1, -1, -1)[None, None])
    kernel = writer.node("Pow", [writer.constant(np.float32(2)), places])
    return bits, writer.node("Conv", [bits, kernel])


def _write_values(
    writer: Writer, sections: Sequence[Section], row: str, cells: str, first: int
) -> str:
    """Write what turns the row of values into float32 values, of shape (1, 1, 1, N).

    The number of rank r is r + `first`. Which codebook it is for follows from the cell: each
    section that begins in front of it moves the index on by the codebook before.
    """
    sizes = [len(section.entries.codebook) for section in sections]
    shifts = np.array([[-first, *sizes[:-1]]], np.float32)
    if len(sections) == 1:
        index = writer.node("Add", [row, writer.constant(shifts[0, 0])])
    else:
        lengths = [sum(cells_of([section])) for section in sections]
        begins = writer.constant(np.cumsum([0, *lengths[:-1]])[:, None])
        begun = writer.node("Less", [begins, cells])  # (1, 1, sections, N)
        passed = writer.node("Cast", [begun], {"to": onnx.TensorProto.FLOAT})
        base = writer.node("MatMul", [writer.constant(shifts), passed])
        index = writer.node("Add", [row, base])
    codebook = writer.constant(np.concatenate([section.entries.codebook for section in sections]))
    indices = writer.node("Cast", [index], {"to": onnx.TensorProto.INT64})
    return writer.node("Gather", [codebook, indices])


def _write_pieces(writer: Writer, sections: Sequence[Section], flat: str) -> None:
    """Write what cuts the flat tensor, whose cell 0 is nobody's, into the pieces."""
    pieces = [piece for section in sections for piece in section.pieces]
    plain = [len(p.shape) == 1 and p.data_type == onnx.TensorProto.FLOAT for p in pieces]
    parts = [p.name if done else writer.name() for p, done in zip(pieces, plain, strict=True)]
    line = writer.node("Squeeze", [flat])
    sizes = writer.integers(1, *cells_of(sections))
    writer.put("Split", [line, sizes], [writer.name(), *parts])
    for piece, part, done in zip(pieces, parts, plain, strict=True):
        if not done:
            write_piece(writer, piece, part)
