"""Codewords → bits → bytes, the first bit of a stream in the highest bit of its first byte."""

import numpy as np

from cortado.model.typing import Array, IntArray

__all__ = ["pack_codewords", "unary"]


def pack_codewords(codewords: IntArray, lengths: IntArray) -> Array:
    """Return the bits of some codewords one after another, highest bit first.

    Parameters
    ----------
    codewords, lengths : arrays of shape (n,)
        Each codeword as a number, and its length in bits; of length 0, it leaves no bit.

    Returns
    -------
    array of shape (sum of lengths,), uint8
        Zeros and ones.
    """
    ends = np.cumsum(lengths)
    bits = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    for place in range(int(lengths.max(initial=0))):  # from the lowest bit of each codeword
        long = lengths > place
        bits[ends[long] - 1 - place] = (codewords[long] >> place) & 1
    return bits


def unary(numbers: IntArray) -> Array:
    """Return each number n as n zeros and a one, of shape (sum of n + 1,), uint8."""
    ends = np.cumsum(numbers + 1)
    bits = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    bits[ends - 1] = 1
    return bits
