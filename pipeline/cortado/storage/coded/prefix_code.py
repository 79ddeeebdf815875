"""Canonical prefix codes of limited length: Huffman's, as far as the limit allows."""

import numpy as np

from cortado.model.typing import IntArray

__all__ = ["canonical_codewords", "canonical_order", "limited_lengths"]


def limited_lengths(counts: IntArray, limit: int) -> IntArray:
    """Return the code lengths that write symbols of given counts in the fewest bits.

    The package-merge algorithm (Larmore and Hirschberg 1990): each level pairs up the items of
    the one before and merges them with the symbols; the cheapest 2n − 2 items of the last level
    say how many symbols each level lengthens.

    Parameters
    ----------
    counts : array of shape (k,)
        How often each symbol occurs.
    limit : int
        The longest length; n symbols that occur need n ≤ 2^limit.

    Returns
    -------
    array of shape (k,)
        Length in bits; 0 for a symbol that does not occur, and for one that is alone.
    """
    lengths = np.zeros(len(counts), np.int64)
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    if len(order) < 2:
        return lengths
    symbols = counts[order].astype(np.float64)
    levels, packages = [], np.zeros(0)
    for _ in range(limit):
        items = np.concatenate([symbols, packages])
        place = np.argsort(items, kind="stable")
        levels.append(place < len(symbols))  # which items are symbols
        items = items[place]
        packages = items[0 : len(items) // 2 * 2 : 2] + items[1::2][: len(items) // 2]
    taken = 2 * len(order) - 2
    for is_symbol in reversed(levels):
        chosen = int(is_symbol[:taken].sum())
        lengths[order[:chosen]] += 1
        taken = 2 * (taken - chosen)
    return lengths


def canonical_order(counts: IntArray, lengths: IntArray) -> IntArray:
    """Return the symbols that occur in the order of their codewords: short ones first."""
    order = np.argsort(lengths, kind="stable")
    return order[counts[order] > 0]


def canonical_codewords(lengths: IntArray, order: IntArray) -> IntArray:
    """Return the codeword of each symbol as a number; neighbours in order follow one another."""
    longest = int(lengths.max(initial=0))
    sizes = 1 << (longest - lengths[order])
    starts = np.cumsum(sizes) - sizes
    codewords = np.zeros(len(lengths), np.int64)
    codewords[order] = starts >> (longest - lengths[order])
    return codewords
