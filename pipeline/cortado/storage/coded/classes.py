"""The class code of small numbers: a unary class, then a suffix of as many bits as it has.

With widths w_0, w_1, … the numbers fall into classes of 2^w_c neighbours,

    class c holds base_c … base_c + 2^w_c − 1,   base_c = Σ_{d<c} 2^w_d

and a number of class c is written as c zeros, a one, and its distance from base_c in w_c bits.
Equal widths give a Rice code, growing ones an exponential Golomb code; here they are free, and
chosen as the best for given counts. Classes and suffixes go to separate places, so that neither
must be read one after another: all ones of the first, found at once, tell where the suffixes
are. That is what makes the code decodable by a few array operations.
"""

import numpy as np

from cortado.model.typing import Array, IntArray
from cortado.storage.coded.bits import pack_codewords, unary

__all__ = ["MAX_WIDTH", "best_widths", "code_lengths", "encode"]

MAX_WIDTH = 14
"""Bits of the longest suffix."""

_CLASS_BITS = 8  # what a class costs in the table of widths


def best_widths(counts: IntArray) -> IntArray:
    """Return the widths with which numbers of given counts, and the widths, take the fewest bits.

    By dynamic programming: with F(s) numbers not less than s, and e = min(s + 2^w, k),

        cost(s) = F(s) + 8 + min_w [ w · (F(s) − F(e)) + cost(e) ]

    as every number from s on pays one bit for not being in an earlier class, and each class a byte
    in the table of widths.

    Parameters
    ----------
    counts : array of shape (k,)
        How often each of 0 … k − 1 occurs; the widths cover them all.
    """
    size = len(counts)
    left = np.append(np.cumsum(counts[::-1])[::-1], 0)
    widths = np.arange(MAX_WIDTH + 1)
    cost, choice = np.zeros(size + 1), np.zeros(size, np.int64)
    for start in range(size - 1, -1, -1):
        ends = np.minimum(start + (1 << widths), size)
        totals = widths * (left[start] - left[ends]) + cost[ends]
        choice[start] = totals.argmin()
        cost[start] = totals[choice[start]] + left[start] + _CLASS_BITS
    chosen, start = [], 0
    while start < size:
        chosen.append(choice[start])
        start += 1 << int(choice[start])
    return np.array(chosen, np.int64)


def encode(numbers: IntArray, widths: IntArray) -> tuple[Array, Array]:
    """Return the bits of the classes and those of the suffixes, uint8 arrays of zeros and ones."""
    classes, suffixes = _split(numbers, widths)
    return unary(classes), pack_codewords(suffixes, widths[classes])


def code_lengths(numbers: IntArray, widths: IntArray) -> IntArray:
    """Return the bits that each number takes."""
    classes, _ = _split(numbers, widths)
    return classes + 1 + widths[classes]


def _split(numbers: IntArray, widths: IntArray) -> tuple[IntArray, IntArray]:
    bases = np.cumsum(1 << widths) - (1 << widths)
    classes = np.searchsorted(bases, numbers, side="right") - 1
    return classes, numbers - bases[classes]
