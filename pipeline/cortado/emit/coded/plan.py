"""Which tensors are coded, which of them together, and how: decided by estimated bytes.

A tensor of n entries costs about

    n · (H(gaps) + H(ranks)) / 8 + 4 · (size of the codebook)   bytes,   H: order-0 entropy,

and is coded where that is less than its dense and its sparse form. Small tensors share one
decoder and one pair of codes as long as that costs less than a decoder more; a tensor of many
entries gets the decoder that is lighter on memory. Whether coding pays at all is not
estimated: `emit` measures the finished file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from cortado.emit.coded.entries import Entries, to_entries
from cortado.emit.coded.flat import LONGEST_GAP
from cortado.emit.coded.lanes import WINDOW
from cortado.emit.coded.pieces import Piece
from cortado.emit.sparse import sparse_size
from cortado.model.typing import IntArray

__all__ = ["MANY_ENTRIES", "Plan", "make_plan"]

MANY_ENTRIES = 100_000
"""Entries above which a tensor has a decoder of its own, in lanes."""

_PIECE_BYTES = 20  # what its shape takes more in the graph than as an initializer
_SPARSE_BYTES = 30  # names, shapes and types of the two tensors of a sparse one
_DECODER_BYTES = 1000  # of the nodes and constants of one flat decoder
_MOST_ENTRIES = 2**31 // WINDOW  # places in the payload are int32 numbers of bits
_MOST_VALUES = 2**16  # a codebook beyond that is no codebook
_MOST_VALUES_IN_LANES = 2**13  # of which the codewords are no longer than a window


@dataclass(frozen=True)
class Plan:
    """How the tensors of a graph are coded.

    Attributes
    ----------
    flat : tuple of tuple of tuple of Piece
        For each flat decoder its sections: runs of pieces that share a codebook.
    lanes : tuple of Piece
        Tensors of many entries, each by itself.
    """

    flat: tuple[tuple[tuple[Piece, ...], ...], ...]
    lanes: tuple[Piece, ...]


@dataclass(frozen=True)
class _Item:
    """A section before it has its place: its pieces, and how often gaps and ranks occur."""

    pieces: tuple[Piece, ...]
    entries: int
    values: int
    gap_counts: IntArray
    rank_counts: IntArray

    @classmethod
    def of(cls, pieces: tuple[Piece, ...], entries: Entries) -> "_Item":
        return cls(
            pieces,
            len(entries.gaps),
            len(entries.codebook),
            np.bincount(entries.gaps),
            np.bincount(entries.ranks),
        )


def make_plan(tensors: Sequence[onnx.TensorProto]) -> Plan:
    """Return how to code some initializers; those that it leaves out are smaller otherwise."""
    items = [item for tensor in tensors if (item := _worth_coding(tensor)) is not None]
    lanes = [item.pieces[0] for item in items if item.entries > MANY_ENTRIES]
    small = [item for item in items if item.entries <= MANY_ENTRIES]
    vectors = tuple(item.pieces[0] for item in small if len(item.pieces[0].shape) <= 1)
    sections = [item for item in small if len(item.pieces[0].shape) > 1]
    if vectors:
        joined = np.concatenate([piece.values.reshape(-1) for piece in vectors])
        sections.append(_Item.of(vectors, to_entries(joined, LONGEST_GAP)))
    groups = _group(sorted(sections, key=lambda item: item.values))
    return Plan(
        tuple(tuple(item.pieces for item in _in_order(group, tensors)) for group in groups),
        tuple(lanes),
    )


def _worth_coding(tensor: onnx.TensorProto) -> _Item | None:
    piece = Piece.of(tensor)
    if piece is None or piece.cells == 0:
        return None
    nonzero = piece.values[piece.values != 0]
    if nonzero.size > _MOST_VALUES and np.unique(nonzero[: 4 * _MOST_VALUES]).size > _MOST_VALUES:
        return None  # free weights: no need to count them all
    entries = to_entries(piece.values, LONGEST_GAP)
    item = _Item.of((piece,), entries)
    if item.entries > _MOST_ENTRIES or (
        item.entries > MANY_ENTRIES and item.values > _MOST_VALUES_IN_LANES
    ):
        return None
    bits = _entropy_bits(item.gap_counts) + _entropy_bits(item.rank_counts)
    coded = bits / 8 + entries.codebook.nbytes + _PIECE_BYTES
    elements = onnx.numpy_helper.to_array(tensor)
    dense = -(-elements.size // 2) if _is_half_byte(tensor) else elements.nbytes
    others = min(dense, sparse_size(piece.values) + _SPARSE_BYTES) if piece.shape else dense
    return item if coded < others else None


def _is_half_byte(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type in (onnx.TensorProto.INT4, onnx.TensorProto.UINT4)


def _group(items: Sequence[_Item]) -> list[list[_Item]]:
    """Partition items in their order, so that no two neighbouring groups are cheaper as one."""
    groups: list[list[_Item]] = []
    for item in items:
        if groups:
            apart = _cost(groups[-1]) + _cost([item]) + 8 * _DECODER_BYTES
            entries = sum(member.entries for member in groups[-1]) + item.entries
            if entries <= MANY_ENTRIES and _cost([*groups[-1], item]) <= apart:
                groups[-1].append(item)
                continue
        groups.append([item])
    return groups


def _cost(items: Sequence[_Item]) -> float:
    """Return the entropy, in bits, of the entries of items that share their codes."""
    return _entropy_bits(_total([item.gap_counts for item in items])) + _entropy_bits(
        _total([item.rank_counts for item in items])
    )


def _total(counts: Sequence[IntArray]) -> IntArray:
    total = np.zeros(max(map(len, counts)), np.int64)
    for part in counts:
        total[: len(part)] += part
    return total


def _entropy_bits(counts: IntArray) -> float:
    counts = counts[counts > 0]
    total = float(counts.sum())
    return float((counts * np.log2(total / counts)).sum()) if total else 0.0


def _in_order(items: Sequence[_Item], tensors: Sequence[onnx.TensorProto]) -> list[_Item]:
    place = {tensor.name: index for index, tensor in enumerate(tensors)}
    return sorted(items, key=lambda item: place[item.pieces[0].name])
