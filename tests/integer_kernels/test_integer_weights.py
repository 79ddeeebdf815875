"""Rounding to integers: zero stays zero, errors stay within half a step."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.integer_kernels.integer_weights import BLOCK, to_int4_blocks, to_int8

WEIGHTS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=70),
    elements=st.just(0.0) | st.floats(-4, 4, width=32),
)


@given(WEIGHTS)
@example(np.array([[1.0, 1.97e-42]], np.float32))  # a step of 1.5e-44 would have two digits
@settings(deadline=None, max_examples=60)
def test_eight_bits_are_within_half_a_step(weights):
    found = to_int8(weights, axis=1, each="column")
    assert np.abs(found.k.astype(int)).max() <= 127
    assert not found.k[weights == 0].any()
    assert (found.steps >= np.finfo(np.float32).tiny).all() or found.each == "layer"
    errors = np.abs(found.k * found.steps.astype(np.float64) - weights)
    assert (errors <= np.broadcast_to(found.steps, weights.shape) * 0.5001).all()
    assert found.max_error == pytest.approx(errors.max(), abs=1e-6)


@given(WEIGHTS)
@example(np.array([[1.0, 1.97e-42]], np.float32))
@settings(deadline=None, max_examples=60)
def test_four_bits_are_no_worse_than_the_step_that_just_reaches(weights):
    found = to_int4_blocks(weights)
    assert found.steps.shape == (-(-len(weights) // BLOCK), weights.shape[1])
    assert np.abs(found.k.astype(int)).max() <= 7
    assert not found.k[weights == 0].any()
    spread = np.repeat(found.steps, BLOCK, axis=0)[: len(weights)].astype(np.float64)
    squares = np.square(found.k * spread - weights).sum()
    padded = np.zeros((len(found.steps) * BLOCK, weights.shape[1]))
    padded[: len(weights)] = weights
    blocks = padded.reshape(-1, BLOCK, weights.shape[1])
    reach = np.maximum(np.abs(blocks).max(axis=1, keepdims=True), 1e-38) / 7
    assert squares <= np.square(np.rint(blocks / reach) * reach - blocks).sum() + 1e-6
    rmse = np.sqrt(squares / max(np.count_nonzero(weights), 1))
    assert found.rmse == pytest.approx(rmse, abs=1e-6)


def test_each_output_channel_has_its_own_step():
    weights = np.random.default_rng(0).standard_normal((4, 3, 5, 5)).astype(np.float32)
    found = to_int8(weights, axis=0, each="channel")
    largest = np.abs(weights).max(axis=(1, 2, 3))
    np.testing.assert_allclose(found.steps, largest / 127, rtol=1e-6)
    np.testing.assert_array_equal(np.abs(found.k).max(axis=(1, 2, 3)), 127)


def test_channels_of_zeros_alone_are_exact():
    found = to_int8(np.zeros((3, 4), np.float32), axis=1, each="column")
    assert (found.max_error, found.rmse, found.k.any()) == (0, 0, False)
