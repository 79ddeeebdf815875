"""Prefix codes: as short as Huffman's where the limit allows, the best of all where it binds."""

import heapq
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.storage.coded.prefix_code import canonical_codewords, canonical_order, limited_lengths

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=40).map(np.array)


def huffman_bits(counts):
    """Return the bits of Huffman's code: the sum of all nodes of its tree."""
    heap = [int(count) for count in counts if count]
    heapq.heapify(heap)
    bits = 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        bits += both
        heapq.heappush(heap, both)
    return bits


def kraft(lengths):
    return sum(2.0 ** -int(length) for length in lengths)


def best_bits(counts, limit):
    """Try all lengths up to the limit with which a prefix code exists."""
    lengths = itertools.product(range(1, limit + 1), repeat=len(counts))
    return min(int(np.dot(counts, found)) for found in lengths if kraft(found) <= 1)


@given(COUNTS)
@settings(deadline=None, max_examples=100)
def test_without_a_limit_that_binds_it_is_huffmans(counts):
    lengths = limited_lengths(counts, 45)
    assert int((counts * lengths).sum()) == huffman_bits(counts)


@given(st.lists(st.integers(1, 100), min_size=2, max_size=5).map(np.array), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_with_a_limit_it_is_the_best_of_all(counts, limit):
    limit = max(limit, math.ceil(math.log2(len(counts))))
    lengths = limited_lengths(counts, limit)
    assert int((counts * lengths).sum()) == best_bits(counts, limit)


@given(COUNTS, st.integers(0, 3))
@settings(deadline=None, max_examples=100)
def test_lengths_keep_the_limit_and_make_a_full_code(counts, more):
    kinds = np.count_nonzero(counts)
    limit = math.ceil(math.log2(max(kinds, 1))) + more
    lengths = limited_lengths(counts, limit)
    assert lengths.max() <= limit
    assert (lengths[counts == 0] == 0).all()
    if kinds > 1:
        assert (lengths[counts > 0] > 0).all()
        assert kraft(lengths[counts > 0]) == 1


@pytest.mark.parametrize("counts", [[0, 7, 0], [3], [0, 0]])
def test_a_symbol_alone_needs_no_bits(counts):
    assert limited_lengths(np.array(counts), 17).tolist() == [0] * len(counts)


def test_frequent_symbols_of_a_long_tail_stay_within_the_limit():
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(sum(fibonacci[-2:]))
    counts = np.array(fibonacci)
    assert limited_lengths(counts, 60).max() == 39  # what Huffman takes
    lengths = limited_lengths(counts, 10)
    assert lengths.max() == 10
    assert kraft(lengths) == 1
    assert (np.diff(lengths) <= 0).all()  # more frequent, not longer


@given(COUNTS)
@settings(deadline=None, max_examples=60)
def test_canonical_codewords_are_free_of_prefixes_and_ascend(counts):
    lengths = limited_lengths(counts, 17)
    order = canonical_order(counts, lengths)
    assert sorted(order) == np.flatnonzero(counts).tolist()
    assert (np.diff(lengths[order]) >= 0).all()
    codewords = canonical_codewords(lengths, order)
    written = [f"{codewords[s]:0{lengths[s]}b}" if lengths[s] else "" for s in order]
    assert [len(word) for word in written] == lengths[order].tolist()
    assert written == sorted(written)
    for word, follower in itertools.pairwise(written):
        assert not follower.startswith(word)
