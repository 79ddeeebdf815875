"""A tensor as entries: every bit comes back, and no gap is longer than a code writes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.storage.coded.entries import fill_up, one_filler, to_entries

SPECIAL = [0.0] * 8 + [-0.0, 1.5, -2.25, np.inf, np.nan, 1e-45]
TENSORS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=8),
    elements=st.sampled_from(SPECIAL),
)
LONGEST = st.sampled_from([1, 2, 5, 1000])


def decode(entries):
    """Return the flat tensor of some entries."""
    flat = np.zeros(entries.cells, np.float32)
    places = np.cumsum(entries.gaps + 1) - 1 - entries.lead
    flat[places] = entries.codebook[entries.ranks]
    return flat


def bits(array):
    return np.asarray(array).reshape(-1).view(np.uint32)


@given(TENSORS, LONGEST, st.integers(0, 1000))
@settings(deadline=None, max_examples=100)
def test_every_bit_comes_back(tensor, longest_gap, lead):
    entries = to_entries(tensor, longest_gap, min(lead, longest_gap))
    np.testing.assert_array_equal(bits(decode(entries)), bits(tensor))
    assert max(entries.gaps, default=0) <= longest_gap
    assert 0 <= entries.trail <= longest_gap


@given(TENSORS, LONGEST, st.integers(1, 70))
@settings(deadline=None, max_examples=100)
def test_filling_up_keeps_the_tensor(tensor, longest_gap, multiple):
    entries = to_entries(tensor, longest_gap)
    filled = fill_up(entries, multiple)
    np.testing.assert_array_equal(bits(decode(filled)), bits(tensor))
    missing = -len(entries.gaps) % multiple
    if np.count_nonzero(entries.gaps) >= missing:
        assert len(filled.gaps) == len(entries.gaps) + missing
        assert filled.trail == entries.trail
    else:
        assert filled is entries


@given(st.lists(TENSORS, min_size=1, max_size=4), LONGEST)
@settings(deadline=None, max_examples=60)
def test_what_one_tensor_leaves_is_the_lead_of_the_next(tensors, longest_gap):
    """All entries in a row are the entries of all tensors in a row."""
    lead, places, values = 0, [], []
    for tensor in tensors:
        entries = to_entries(tensor, longest_gap, lead)
        places.append(entries.gaps)
        values.append(entries.codebook[entries.ranks])
        lead = entries.trail
    whole = np.zeros(sum(tensor.size for tensor in tensors), np.float32)
    whole[np.cumsum(np.concatenate(places) + 1) - 1] = np.concatenate(values)
    np.testing.assert_array_equal(bits(whole), np.concatenate([bits(t) for t in tensors]))


def test_the_gaps_and_ranks_of_a_small_tensor():
    entries = to_entries(np.array([[0, 0, 5, 7], [7, 0, 7, 0]], np.float32), 100, lead=3)
    assert entries.gaps.tolist() == [5, 0, 0, 1]
    assert entries.ranks.tolist() == [1, 0, 0, 0]
    assert entries.codebook.tolist() == [7, 5]
    assert (entries.lead, entries.cells, entries.trail) == (3, 8, 1)


@pytest.mark.parametrize(("zeros", "fillers"), [(2, 0), (3, 1), (5, 1), (6, 2)])
def test_a_long_gap_is_bridged_by_as_few_fillers_as_it_takes(zeros, fillers):
    tensor = np.append(np.zeros(zeros, np.float32), np.float32(1))
    entries = to_entries(tensor, longest_gap=2)
    assert len(entries.gaps) == fillers + 1
    assert np.count_nonzero(entries.codebook[entries.ranks] == 0) == fillers


def test_the_most_frequent_value_comes_first():
    values = np.array([3, 1, 2], np.float32)
    entries = to_entries(np.repeat(values, [2, 5, 9]), 10)
    assert entries.codebook.tolist() == [2, 1, 3]


def test_a_tensor_of_zeros_has_no_entries_until_it_gets_one():
    entries = to_entries(np.zeros((2, 3), np.float32), 100)
    assert (len(entries.gaps), len(entries.codebook), entries.trail) == (0, 0, 6)
    filled = one_filler(entries)
    assert (len(filled.gaps), filled.trail) == (1, 5)
    np.testing.assert_array_equal(bits(decode(filled)), np.zeros(6, np.uint32))
