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
import onnx_ir as ir

from cortado.model.typing import IntArray
from cortado.storage.coded.entries import to_entries
from cortado.storage.coded.flat_decoder import LONGEST_GAP
from cortado.storage.coded.lanes import MOST_ENTRIES, MOST_VALUES
from cortado.storage.coded.pieces import Piece
from cortado.storage.sparse import sparse_size

__all__ = ["MANY_ENTRIES", "Layout", "make_layout"]

MANY_ENTRIES = 100_000
"""Entries above which a tensor has a decoder of its own, in lanes."""

_PIECE_BYTES = 20  # what its shape takes more in the graph than as an initializer
_SECTION_BYTES = 10  # of the two numbers that tell a section from the one before
_DECODER_BYTES = 1000  # of the nodes and constants of one flat decoder
_VALUE_BYTES = 4  # of a codebook
_MOST_SECTIONS = 64  # every entry is compared with the begin of each
_FEW_CELLS = 512  # so many of one value are as small in a flat tensor
_MOST_VALUES = 2**16  # a codebook beyond that is no codebook


@dataclass(frozen=True)
class Layout:
    """How the tensors of a graph are coded.

    Attributes
    ----------
    flat : tuple of tuple of tuple of Piece
        For each flat decoder its sections: runs of pieces that share a codebook.
    lanes : tuple of Piece
        Tensors of many entries, each by itself.
    filled : tuple of Piece
        Large tensors of one value, which are stored as that value and a shape.
    """

    flat: tuple[tuple[tuple[Piece, ...], ...], ...]
    lanes: tuple[Piece, ...]
    filled: tuple[Piece, ...]


@dataclass(frozen=True)
class _Item:
    """A section before it has its place: its pieces, and how often gaps and ranks occur."""

    pieces: tuple[Piece, ...]
    entries: int
    values: int
    gap_counts: IntArray
    rank_counts: IntArray

    @classmethod
    def of(cls, pieces: tuple[Piece, ...]) -> "_Item":
        values = np.concatenate([piece.values.reshape(-1) for piece in pieces])
        entries = to_entries(values, LONGEST_GAP)
        return cls(
            pieces,
            len(entries.gaps),
            len(entries.codebook),
            np.bincount(entries.gaps),
            np.bincount(entries.ranks),
        )

    @property
    def bytes(self) -> float:
        bits = _entropy_bits(self.gap_counts) + _entropy_bits(self.rank_counts)
        return bits / 8 + _VALUE_BYTES * self.values


def make_layout(candidates: Sequence[Piece]) -> Layout:
    """Return how to code some initializers; those that it leaves out are smaller otherwise."""
    pieces = [p for p in candidates if p.shape and p.cells and not _is_unshared(p)]
    filled = [piece for piece in pieces if piece.cells > _FEW_CELLS and _is_filled(piece)]
    pieces = [piece for piece in pieces if piece not in filled]
    vectors = _choose_vectors([piece for piece in pieces if _is_vector(piece)])
    items = [_Item.of((piece,)) for piece in pieces if not _is_vector(piece)]
    items = [item for item in items if _is_worth_coding(item)]
    lanes = [item.pieces[0] for item in items if item.entries > MANY_ENTRIES]
    sections = [item for item in items if item.entries <= MANY_ENTRIES]
    sections += [_Item.of(vectors)] if vectors else []
    groups = _group(sorted(sections, key=lambda item: item.values))
    place = {piece.name: index for index, piece in enumerate(pieces)}
    return Layout(
        tuple(
            tuple(sorted((item.pieces for item in group), key=lambda run: place[run[0].name]))
            for group in groups
        ),
        tuple(lanes),
        tuple(filled),
    )


def _is_filled(piece: Piece) -> bool:
    patterns = piece.values.reshape(-1).view(np.uint32)
    return bool((patterns == patterns[0]).all())


def _is_vector(piece: Piece) -> bool:
    """Return whether a piece is a bias or the like, which share a section."""
    return len(piece.shape) == 1 and piece.cells <= MANY_ENTRIES


def _is_unshared(piece: Piece) -> bool:
    """Return whether a part of the weights shows that a large piece has no codebook."""
    nonzero = piece.values[piece.values != 0]
    return (
        nonzero.size > _MOST_VALUES and np.unique(nonzero[: 4 * _MOST_VALUES]).size > _MOST_VALUES
    )


def _is_worth_coding(item: _Item) -> bool:
    if item.entries > MANY_ENTRIES and (item.entries > MOST_ENTRIES or item.values > MOST_VALUES):
        return False
    (piece,) = item.pieces
    return item.bytes + _PIECE_BYTES < _bytes_otherwise(piece)


def _choose_vectors(vectors: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the vectors that are smaller coded, as one section.

    One that is not by itself still is where its values are those of the others.
    """
    chosen = [v for v in vectors if _Item.of((v,)).bytes + _SECTION_BYTES < _bytes_otherwise(v)]
    for vector in vectors:
        if chosen and vector not in chosen:
            more = _Item.of((*chosen, vector)).bytes - _Item.of(tuple(chosen)).bytes
            if more < _bytes_otherwise(vector):
                chosen.append(vector)
    return tuple(vector for vector in vectors if vector in chosen)


def _bytes_otherwise(piece: Piece) -> float:
    """Return what a piece takes in the smaller of the other forms."""
    if piece.data_type == onnx.TensorProto.FLOAT:
        return min(piece.values.nbytes, sparse_size(piece.values))
    return piece.cells * ir.DataType(piece.data_type).bitwidth / 8


def _group(items: Sequence[_Item]) -> list[list[_Item]]:
    """Partition items in their order, so that no two neighbouring groups are cheaper as one."""
    groups: list[list[_Item]] = []
    for item in items:
        if groups:
            apart = _cost(groups[-1]) + _cost([item]) + 8 * _DECODER_BYTES
            entries = sum(member.entries for member in groups[-1]) + item.entries
            fits = entries <= MANY_ENTRIES and len(groups[-1]) < _MOST_SECTIONS
            if fits and _cost([*groups[-1], item]) <= apart:
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
