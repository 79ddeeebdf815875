"""The input of the lanes of `lanes`: a large tensor as jumps and ranks, codes and the payload.

Gaps are bounded, so that jumps are few: longer ones are bridged by fillers. How far gaps go, and
how many of the K bits of a codeword they get, is what makes the payload the smallest.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cortado.model.typing import Array, FloatArray, IntArray
from cortado.storage.coded.bits import pack_codewords
from cortado.storage.coded.entries import Entries, fill_up, one_filler, to_entries
from cortado.storage.coded.pieces import CodedTensor, Piece
from cortado.storage.coded.prefix_code import canonical_codewords, canonical_order, limited_lengths

__all__ = ["STEPS", "WINDOW", "Code", "LaneEntries"]

STEPS = 64
"""Codewords that a lane reads."""

WINDOW = 17
"""K: bits of the longest codeword, 24 less the 7 by which a codeword may begin in its byte."""

_LONGEST_GAPS = (6, 14, 30, 62, 126, 254, 510, 1022)  # so that jumps are 2^k different ones

_COUNTED_GAPS = 2**16 - 1  # longer ones are so rare that fillers at this length tell enough

_PADDING = 3  # bytes behind the last codeword, for windows that reach beyond it


@dataclass(frozen=True)
class Code:
    """A prefix code: the length of each symbol's codeword, and how often it occurs."""

    counts: IntArray
    lengths: IntArray

    @classmethod
    def of(cls, counts: IntArray, limit: int) -> "Code":
        """Return the shortest code whose codewords have a number of bits at most."""
        return cls(counts, limited_lengths(counts, limit))

    @property
    def bits(self) -> int:
        """The sum for all codewords."""
        return int((self.counts * self.lengths).sum())

    @cached_property
    def order(self) -> IntArray:
        """The symbols in canonical order."""
        return canonical_order(self.counts, self.lengths)

    @cached_property
    def codewords(self) -> IntArray:
        """The codeword of each symbol, as a number."""
        return canonical_codewords(self.lengths, self.order)


@dataclass(frozen=True)
class LaneEntries:
    """A piece as jumps and ranks, each of shape (N,), with a code for each, and its values."""

    symbols: tuple[IntArray, IntArray]
    codes: tuple[Code, Code]
    codebook: FloatArray

    @classmethod
    def of(cls, piece: Piece) -> "LaneEntries":
        """Return the entries of a piece, with the gaps and codes that make it the smallest."""
        longest_gap, limit = _best_limits(to_entries(piece.values, _COUNTED_GAPS))
        entries = fill_up(to_entries(piece.values, longest_gap), STEPS)
        if not len(entries.gaps):
            entries = one_filler(entries)
        jumps = entries.gaps + 1
        jumps[0] -= 1  # the first cell is 0
        jump_code = Code.of(np.bincount(jumps), limit)
        rank_code = Code.of(np.bincount(entries.ranks), WINDOW - limit)
        return cls((jumps, entries.ranks), (jump_code, rank_code), entries.codebook)

    def share(self, piece: Piece) -> CodedTensor:
        """Return what it takes: the codewords and the table of values."""
        jumps, ranks = self.codes
        return CodedTensor(piece.name, jumps.bits / 8, ranks.bits / 8, self.codebook.nbytes)

    def payload(self) -> tuple[Array, IntArray]:
        """Return the bytes, and how many bits each lane has; the last entry fills the lanes up."""
        jumps, ranks = self.codes
        count = len(self)
        lanes = -(-count // STEPS)
        order = np.minimum(np.arange(STEPS * lanes), count - 1).reshape(STEPS, lanes).T.reshape(-1)
        first, second = (symbols[order] for symbols in self.symbols)
        lengths = jumps.lengths[first] + ranks.lengths[second]
        codewords = (jumps.codewords[first] << ranks.lengths[second]) | ranks.codewords[second]
        bits = pack_codewords(codewords, lengths)
        packed = np.append(np.packbits(bits), np.zeros(_PADDING, np.uint8))
        return packed, lengths.reshape(lanes, STEPS).sum(axis=1)

    def __len__(self) -> int:
        return len(self.symbols[0])


def _best_limits(entries: Entries) -> tuple[int, int]:
    """Choose how far gaps go without fillers, and how many of the K bits they get at most."""
    gap_counts, rank_counts = np.bincount(entries.gaps), np.bincount(entries.ranks)
    found = []
    for longest_gap in _LONGEST_GAPS:
        gaps, fillers = _with_fillers(gap_counts, longest_gap)
        ranks = np.append(rank_counts, fillers)
        kinds = longest_gap + 2, np.count_nonzero(rank_counts) + 1  # at most, with any fillers
        for limit in range(WINDOW + 1):
            if kinds[0] <= 1 << limit and kinds[1] <= 1 << (WINDOW - limit):
                bits = Code.of(gaps, limit).bits + Code.of(ranks, WINDOW - limit).bits
                found.append((bits, longest_gap, limit))
    return min(found)[1:]


def _with_fillers(counts: IntArray, longest_gap: int) -> tuple[IntArray, int]:
    """Return how often each gap occurs when longer ones are bridged, and the fillers it takes."""
    all_gaps = np.arange(len(counts))
    fillers = int((counts * (all_gaps // (longest_gap + 1))).sum())
    bridged = np.zeros(longest_gap + 1, np.int64)
    np.add.at(bridged, all_gaps % (longest_gap + 1), counts)
    bridged[longest_gap] += fillers
    return bridged, fillers
