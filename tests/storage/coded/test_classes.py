"""The class code: its widths are the best, and a plain decoder reads it back."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.storage.coded.classes import MAX_WIDTH, best_widths, code_lengths, encode

CLASS_BITS = 8

COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=60).map(np.array)


def cost(counts, widths):
    """Return the bits of a table of widths, and of numbers of given counts written with them."""
    lengths = code_lengths(np.arange(len(counts)), np.array(widths))
    return int((counts * lengths).sum()) + CLASS_BITS * len(widths)


def covers(widths, size):
    return sum(1 << width for width in widths) >= size


def all_widths(size):
    """Yield every list of widths that covers so many numbers, without a class too many."""
    widest = max(1, (size - 1).bit_length())
    for count in range(1, size + 1):
        for widths in itertools.product(range(widest + 1), repeat=count):
            if covers(widths, size) and not covers(widths[:-1], size):
                yield widths


def decode(classes, suffixes, widths):
    """Read numbers one after another, as the module describes the code."""
    numbers, place = [], 0
    bases = [sum(1 << width for width in widths[:c]) for c in range(len(widths))]
    run = 0
    for bit in classes:
        if not bit:
            run += 1
            continue
        suffix = suffixes[place : place + widths[run]]
        numbers.append(bases[run] + int("".join(map(str, suffix)) or "0", 2))
        place += len(suffix)
        run = 0
    assert (run, place) == (0, len(suffixes))
    return numbers


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6).map(np.array))
@settings(deadline=None, max_examples=60)
def test_the_widths_are_the_best_of_all(counts):
    widths = best_widths(counts)
    assert covers(widths, len(counts))
    assert cost(counts, widths) == min(cost(counts, w) for w in all_widths(len(counts)))


@pytest.mark.parametrize(
    ("counts", "widths"),
    [
        ([5], [0]),
        ([1000, 1], [0, 0]),
        ([1, 1], [1]),
        ([100] * 64, [5, 4, 3, 2, 1, 0, 0]),  # six bits each, but for the last
    ],
)
def test_widths_of_counts_whose_best_is_plain(counts, widths):
    assert best_widths(np.array(counts)).tolist() == widths


def test_a_wide_range_is_covered():
    counts = np.zeros(40_000, np.int64)
    counts[[0, -1]] = 1
    widths = best_widths(counts)
    assert covers(widths, len(counts))
    assert widths.max() <= MAX_WIDTH


@given(COUNTS, st.randoms())
@settings(deadline=None, max_examples=60)
def test_numbers_come_back(counts, random):
    numbers = np.repeat(np.arange(len(counts)), counts).tolist()
    random.shuffle(numbers)
    widths = best_widths(counts)
    classes, suffixes = encode(np.array(numbers, np.int64), widths)
    assert decode(classes.tolist(), suffixes.tolist(), widths.tolist()) == numbers
    lengths = code_lengths(np.array(numbers, np.int64), widths)
    assert lengths.sum() == len(classes) + len(suffixes)


def test_a_class_is_unary_and_its_suffix_has_the_highest_bit_first():
    """With widths 0, 1, 2 the classes are {0}, {1, 2}, {3, 4, 5, 6}."""
    classes, suffixes = encode(np.array([0, 2, 5]), np.array([0, 1, 2]))
    assert classes.tolist() == [1, 0, 1, 0, 0, 1]
    assert suffixes.tolist() == [1, 1, 0]
    assert code_lengths(np.array([0, 2, 5]), np.array([0, 1, 2])).tolist() == [1, 3, 5]
