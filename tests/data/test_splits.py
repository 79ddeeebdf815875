"""Training, validation and test part, and fixed random subsets."""

import functools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.data import labelled_images, subset
from cortado.data.splits import from_train_and_test, from_whole
from cortado.errors import CortadoError
from samples import everything


def numbered(count, first=0):
    """Return images that each hold their own number."""
    numbers = np.arange(first, first + count)
    return labelled_images(numbers[:, None].astype(np.float32), numbers)


def numbers(samples):
    pixels, labels = everything(samples)
    np.testing.assert_array_equal(pixels[:, 0], labels)  # images keep their labels
    np.testing.assert_array_equal(samples.labels, labels)
    return labels.tolist()


@given(st.integers(7, 300))
def test_parts_share_no_image_and_lose_none(count):
    dataset = from_whole(numbered(count))
    parts = [numbers(part) for part in (dataset.train, dataset.val, dataset.test)]
    assert sorted(functools.reduce(operator.iadd, parts, [])) == list(range(count))
    assert len(parts[2]) == round(count / 5)
    assert len(parts[1]) == round((count - len(parts[2])) / 10)


def test_a_given_test_part_stays_apart():
    dataset = from_train_and_test(numbered(50), numbered(10, first=1000))
    assert numbers(dataset.test) == list(range(1000, 1010))
    assert len(numbers(dataset.val)) == 5
    assert sorted(numbers(dataset.train) + numbers(dataset.val)) == list(range(50))


def test_the_split_is_the_same_for_everyone_for_ever():
    assert numbers(from_train_and_test(numbered(50), numbered(1)).val) == [6, 16, 17, 35, 41]


def test_the_number_of_classes_counts_every_part():
    assert from_train_and_test(numbered(50), numbered(10, first=1000)).classes == 1010


def test_too_few_images_are_refused():
    with pytest.raises(CortadoError, match=r"too few samples .*: 3"):
        from_train_and_test(numbered(3), numbered(3))


@given(st.integers(1, 40), st.integers(0, 5))
def test_a_subset_has_as_many_images_as_asked_and_none_twice(count, seed):
    chosen = numbers(subset(numbered(30), count, seed))
    assert len(chosen) == len(set(chosen)) == min(count, 30)
    assert chosen == numbers(subset(numbered(30), count, seed))


def test_another_seed_gives_another_subset():
    assert numbers(subset(numbered(30), 10, 0)) != numbers(subset(numbered(30), 10, 1))


def test_a_smaller_subset_is_part_of_a_larger_one():
    few, many = (set(numbers(subset(numbered(30), count))) for count in (5, 10))
    assert few < many
