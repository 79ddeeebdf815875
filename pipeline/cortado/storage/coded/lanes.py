"""The decoder for large tensors: a prefix code that many lanes read side by side.

Entry i is one codeword: a prefix code of its gap, then one of its value, together at most K = 17
bits. What is coded of a gap is the jump that it means, p_i − p_{i−1}, and of the first entry its
cell. A table of 2^K rows, made from the code lengths, has for every window of K bits the length
of the codeword in front, its jump and its value. A lane reads 64 codewords one after another;
in step s all L lanes read entries sL … sL + L − 1, so that what they read is in order. A lane
needs to know where it starts, which costs it a byte: the length of its bits less the shortest.

A step of this walk, for the places p of all lanes in bits:

    x = (W[p div 8] div 2^(7 − p mod 8)) mod 2^K,   p ← p + length[x],

where W[b] are the 24 bits from byte b on as a number, by a convolution with 2^16, 2^8, 1. Step and
walk are functions of the file, written once for all tensors. onnxruntime keeps all that it
folds until it is done: what counts for the memory at load is how many arrays of the size of all
entries there are. Here those are eight in the steps and six behind them.

Shapes: (1, 1, n) throughout.
"""

from dataclasses import dataclass

import numpy as np
import onnx

from cortado.model.typing import Array
from cortado.storage.coded.lane_entries import STEPS, WINDOW, Code, LaneEntries
from cortado.storage.coded.pieces import CodedTensor, Piece, write_piece
from cortado.storage.coded.writer import Writer

__all__ = [
    "MOST_ENTRIES",
    "MOST_VALUES",
    "lane_functions",
    "lane_share",
    "write_lanes",
]

MOST_ENTRIES = 2**31 // WINDOW
"""Entries that a tensor may have: places in the payload are int32 numbers of bits."""

MOST_VALUES = 2 ** (WINDOW - 3) - 1
"""Values that a tensor may have: with the filler, 2^14, as the least jumps are 2^3."""


@dataclass(frozen=True)
class _Tables:
    """The first codeword of each window of K bits: names of arrays of shape (1, 1, 2^K).

    Attributes
    ----------
    lengths : str
        Bits of the codeword, int32.
    jumps : str
        Cells from the entry before to this one, int64.
    values : str
        The value, float32.
    """

    lengths: str
    jumps: str
    values: str


def write_lanes(writer: Writer, piece: Piece, domain: str) -> CodedTensor:
    """Write the nodes and constants whose output is a piece; they call `lane_functions`."""
    plan = LaneEntries.of(piece)
    tables = _write_tables(writer, *plan.codes, plan.codebook)
    windows = _write_walk(writer, domain, plan, tables.lengths)
    jumped = _gather(writer, tables.jumps, windows)
    cells = writer.node("CumSum", [jumped, writer.constant(np.array(2))])
    reach = 1 + piece.cells - len(plan)  # N − 1 + reach cells come out
    inputs = [_gather(writer, tables.values, windows), cells]
    write_piece(writer, piece, writer.node("MaxUnpool", inputs, {"kernel_shape": [reach]}))
    return plan.share(piece)


def lane_share(piece: Piece) -> CodedTensor:
    """Return what a piece takes, without writing it."""
    return LaneEntries.of(piece).share(piece)


def lane_functions(domain: str, opset: int) -> list[onnx.FunctionProto]:
    """Return the functions of one step, and of all steps of a walk."""
    table = ["W", "L", "D", "e", "k"]
    step, walk = Writer(set()), Writer(set())
    step.put("Div", ["p", "e"], ["b"])
    step.put("GatherElements", ["W", "b"], ["w"], {"axis": 2})
    step.put("Mod", ["p", "e"], ["r"])
    step.put("GatherElements", ["D", "r"], ["d"], {"axis": 2})
    step.put("Div", ["w", "d"], ["q"])
    step.put("Mod", ["q", "k"], ["x"])
    step.put("GatherElements", ["L", "x"], ["l"], {"axis": 2})
    step.put("Add", ["p", "l"], ["n"])

    places = ["p", *(f"p{index}" for index in range(STEPS))]
    windows = [f"x{index}" for index in range(STEPS)]
    for index in range(STEPS):
        read = [windows[index], places[index + 1]]
        walk.put("s", [places[index], *table], read, domain=domain)
    walk.put("Concat", windows, ["x"], {"axis": 2})
    opsets = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid(domain, 1)]
    inputs = ["p", *table]
    return [
        onnx.helper.make_function(domain, "s", inputs, ["x", "n"], step.nodes, opsets[:1]),
        onnx.helper.make_function(domain, "w", inputs, ["x"], walk.nodes, opsets),
    ]


def _write_tables(writer: Writer, jumps: Code, ranks: Code, codebook: Array) -> _Tables:
    """Write what makes the tables.

    The jump comes first. What is left of a window behind it, moved to the front, is found again
    among all windows, where the table of the values alone tells the value.
    """
    jump_at, jump_lengths = _write_ordinals(writer, jumps)
    rank_at, rank_lengths = _write_ordinals(writer, ranks)
    first_length = _gather(writer, jump_lengths, jump_at)
    two, size = writer.constant(np.float32(2)), writer.constant(np.float32(1 << WINDOW))
    ones = _write_filled(writer, 1)
    windows = writer.node("CumSum", [ones, writer.constant(np.array(2))], {"exclusive": 1})
    moved = writer.node("Mul", [windows, writer.node("Pow", [two, first_length])])
    rest = writer.node("Mod", [moved, size], {"fmod": 1})
    rank_behind = _gather(writer, rank_at, _write_cast(writer, rest, onnx.TensorProto.INT32))
    both = writer.node("Add", [first_length, _gather(writer, rank_lengths, rank_behind)])
    return _Tables(
        _write_cast(writer, both, onnx.TensorProto.INT32),
        _gather(writer, writer.constant(jumps.order[None, None]), jump_at),
        _gather(writer, writer.constant(codebook[ranks.order][None, None]), rank_behind),
    )


def _write_ordinals(writer: Writer, code: Code) -> tuple[str, str]:
    """Write which codeword, in canonical order, each window of K bits begins with.

    Returns
    -------
    str, str
        The ordinals, of shape (1, 1, 2^K), and the lengths in this order as float32.
    """
    stored = writer.constant(code.lengths[code.order].astype(np.uint8)[None, None])
    lengths = _write_cast(writer, stored, onnx.TensorProto.FLOAT)
    powers = writer.node("Pow", [writer.constant(np.float32(2)), lengths])
    sizes = writer.node("Div", [writer.constant(np.float32(1 << WINDOW)), powers])
    starts = writer.node("CumSum", [sizes, writer.constant(np.array(2))], {"exclusive": 1})
    places = _write_cast(writer, starts, onnx.TensorProto.INT64)
    marks = [_write_filled(writer, 0), places, writer.node("Div", [sizes, sizes])]
    marked = writer.node("ScatterElements", marks, {"axis": 2})
    passed = writer.node("CumSum", [marked, writer.constant(np.array(2))])
    ordinals = writer.node("Sub", [passed, writer.constant(np.float32(1))])
    return _write_cast(writer, ordinals, onnx.TensorProto.INT32), lengths


def _write_walk(writer: Writer, domain: str, plan: LaneEntries, lengths: str) -> str:
    """Write the payload and what reads it: the window of each entry, of shape (1, 1, N)."""
    payload, lane_bits = plan.payload()
    shortest = int(lane_bits.min())
    longer = lane_bits - shortest
    kind = np.uint8 if longer.max() < 256 else np.uint16
    stored = writer.constant(longer.astype(kind)[None, None])
    sizes = [
        _write_cast(writer, stored, onnx.TensorProto.INT32),
        writer.constant(np.array(shortest, np.int32)),
    ]
    begins = [writer.node("Add", sizes), writer.constant(np.array(2))]
    places = writer.node("CumSum", begins, {"exclusive": 1})

    numbers = _write_cast(writer, writer.constant(payload[None, None]), onnx.TensorProto.FLOAT)
    kernel = writer.constant(np.array([[[65536, 256, 1]]], np.float32))
    windows = _write_cast(writer, writer.node("Conv", [numbers, kernel]), onnx.TensorProto.INT32)
    divisors = writer.constant((1 << (7 - np.arange(8, dtype=np.int32)))[None, None])
    bounds = [writer.constant(np.array(bound, np.int32)) for bound in (8, 1 << WINDOW)]
    read = writer.name()
    inputs = [places, windows, lengths, divisors, *bounds]
    writer.put("w", inputs, [read], domain=domain)
    if len(plan) == STEPS * len(lane_bits):
        return read
    return writer.node("Slice", [read, writer.integers(0, 0, 0), writer.integers(1, 1, len(plan))])


def _write_filled(writer: Writer, value: int) -> str:
    """Write an array of 2^K equal float32 numbers."""
    shape = writer.integers(1, 1, 1 << WINDOW)
    return writer.node("Expand", [writer.constant(np.float32(value)), shape])


def _write_cast(writer: Writer, name: str, data_type: int) -> str:
    return writer.node("Cast", [name], {"to": data_type})


def _gather(writer: Writer, table: str, places: str) -> str:
    """Write table[places]; GatherElements is the fastest that looks up single numbers."""
    return writer.node("GatherElements", [table, places], {"axis": 2})
