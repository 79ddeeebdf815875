"""The uniform grid is found again from the weights alone, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.model.layers.grid import (
    LARGEST_INT4,
    LARGEST_INT8,
    find_step,
    largest_integer,
    round_to_grid,
)

LARGEST = st.sampled_from([1, 3, LARGEST_INT4, LARGEST_INT8])
STEPS = st.floats(2.0**-100, 2.0**100, width=32)


@given(LARGEST, STEPS, st.data())
@settings(max_examples=300, deadline=None)
def test_weights_on_a_grid_come_back_bit_for_bit(largest, step, data):
    integers = hnp.arrays(np.int8, (5, 4), elements=st.integers(-largest, largest))
    weights = data.draw(integers).astype(np.float32) * np.float32(step)
    found = find_step(weights, largest)
    assert found is not None
    k = round_to_grid(weights, found, largest)
    assert np.abs(k).max() <= largest
    np.testing.assert_array_equal(k.astype(np.float32) * found, weights)


@pytest.mark.parametrize("largest", [LARGEST_INT4, LARGEST_INT8])
def test_free_weights_lie_on_no_grid(largest):
    rng = np.random.default_rng(0)
    found = [find_step(rng.standard_normal(n).astype(np.float32), largest) for n in [3, 20] * 500]
    assert set(found) == {None}


def test_one_weight_beside_the_grid_is_enough():
    weights = np.arange(-7, 8, dtype=np.float32) * np.float32(0.3)
    assert find_step(weights, 7) == np.float32(0.3)
    weights[0] = np.nextafter(weights[0], np.float32(0))
    assert find_step(weights, 7) is None


def test_a_grid_may_need_more_integers_than_there_are():
    weights = np.array([1, 8], np.float32)
    assert (find_step(weights, 8), find_step(weights, 7)) == (1, None)


def test_zeros_lie_on_every_grid():
    assert find_step(np.zeros((2, 3), np.float32), 1) == 1
    assert find_step(np.zeros(0, np.float32), 7) == 1


def test_bits_give_a_symmetric_range():
    assert [largest_integer(bits) for bits in (2, 4, 8)] == [1, LARGEST_INT4, LARGEST_INT8]
