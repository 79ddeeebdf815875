"""A tensor as entries: how far to the next value that is not zero, and which value it is.

A flat tensor of m cells is a list of n entries (g_i, r_i): entry i skips g_i zeros and puts
codebook[r_i] into the cell behind them,

    p_i = p_{i−1} + g_i + 1,   p_{−1} = −1,   x[p_i] = codebook[r_i]

Zero is the bit pattern of +0 and nothing else: −0 and NaN are values. A gap above the longest
that a code writes is bridged by fillers, entries that put a zero where one is anyway. Ranks count
the values by frequency, the most frequent first, so that small ranks get short codes.
"""

from dataclasses import dataclass

import numpy as np

from cortado.model.typing import Array, FloatArray, IntArray

__all__ = ["Entries", "fill_up", "one_filler", "to_entries"]


@dataclass(frozen=True)
class Entries:
    """The entries of one flat tensor.

    Attributes
    ----------
    lead : int
        Zeros in front of the tensor that its first gap counts too: those that a tensor before
        it left over.
    cells : int
        The size of the flat tensor, m.
    gaps : array of shape (n,)
        Zeros in front of each entry, int64.
    ranks : array of shape (n,)
        The value of each entry as its index in the codebook, int64.
    codebook : array of shape (k,)
        The values, float32, the most frequent first.
    """

    lead: int
    cells: int
    gaps: IntArray
    ranks: IntArray
    codebook: FloatArray

    @property
    def trail(self) -> int:
        """The zeros behind the last entry."""
        return self.lead + self.cells - len(self.gaps) - int(self.gaps.sum())


def to_entries(tensor: Array, longest_gap: int, lead: int = 0) -> Entries:
    """Return the entries of a tensor whose elements are exact as float32.

    Parameters
    ----------
    tensor : array
        Of any shape; it is read in row-major order.
    longest_gap : int
        Longer gaps are bridged by fillers; also what is left behind the last entry is no longer.
    lead : int
        Zeros that lie in front of the tensor, at most `longest_gap`.
    """
    flat = np.ascontiguousarray(tensor, np.float32).reshape(-1)
    patterns = flat.view(np.uint32)
    positions = np.flatnonzero(patterns)
    values, labels, counts = np.unique(patterns[positions], return_inverse=True, return_counts=True)
    gaps = np.diff(positions + lead, prepend=-1, append=lead + flat.size) - 1
    fillers = gaps // (longest_gap + 1)
    if fillers.any():
        gaps, labels = _bridge(gaps, labels, fillers, longest_gap, len(values))
        values, counts = np.append(values, np.uint32(0)), np.append(counts, fillers.sum())
    order = np.argsort(-counts, kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    codebook = values[order].view(np.float32)
    return Entries(lead, flat.size, gaps[:-1], ranks[labels], codebook)


def _bridge(
    gaps: IntArray, labels: IntArray, fillers: IntArray, longest_gap: int, label: int
) -> tuple[IntArray, IntArray]:
    """Put fillers with a label of their own into long gaps, the one behind the last too."""
    ends = np.cumsum(fillers + 1) - 1
    bridged = np.full(ends[-1] + 1, longest_gap, np.int64)
    bridged[ends] = gaps - fillers * (longest_gap + 1)
    marked = np.full(ends[-1], label, np.int64)
    marked[ends[:-1]] = labels
    return bridged, marked


def fill_up(entries: Entries, multiple: int) -> Entries:
    """Return the same tensor with its entries filled up to a multiple, by fillers in gaps.

    Where there are not enough gaps to fill, it is returned as it is.
    """
    missing = -len(entries.gaps) % multiple
    wide = np.flatnonzero(entries.gaps)
    if len(wide) < missing:
        return entries
    chosen = wide[:missing]
    gaps = entries.gaps.copy()
    gaps[chosen] -= 1  # the filler in front takes one of the zeros
    zero = np.flatnonzero(entries.codebook.view(np.uint32) == 0)
    codebook = entries.codebook if len(zero) else np.append(entries.codebook, np.float32(0))
    filler = int(zero[0]) if len(zero) else len(entries.codebook)
    return Entries(
        entries.lead,
        entries.cells,
        np.insert(gaps, chosen, 0),
        np.insert(entries.ranks, chosen, filler),
        codebook,
    )


def one_filler(entries: Entries) -> Entries:
    """Return a tensor of zeros in one entry in place of none: decoders need something to read."""
    zero = np.zeros(1, np.int64)
    return Entries(entries.lead, entries.cells, zero, zero, np.zeros(1, np.float32))
