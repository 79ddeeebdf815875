"""The codebook that a layer's values imply, and equal values that are none."""

import numpy as np
import pytest

from cortado.model.layers.codebook import find_codebook


def test_weights_of_few_values_share_them():
    weights = np.array([[0.1, 0, 0.3], [0.3, 0.1, 0.1]], np.float32)
    assert np.array_equal(find_codebook(weights), np.float32([0.1, 0.3]))


@pytest.mark.parametrize("dtype", [np.float16, "bfloat16"])
@pytest.mark.parametrize("seed", range(5))
def test_weights_in_half_precision_are_equal_by_chance(dtype, seed):
    single = np.random.default_rng(seed).uniform(-0.1, 0.1, 250).astype(np.float32)
    if dtype == "bfloat16":
        half = (single.view(np.uint32) & 0xFFFF0000).view(np.float32)
    else:
        half = single.astype(dtype).astype(np.float32)
    assert len(np.unique(half)) < len(half)
    assert find_codebook(half) is None


def test_a_quantized_layer_in_half_precision_has_a_codebook():
    values = np.random.default_rng(0).standard_normal(16).astype(np.float16)
    weights = np.random.default_rng(1).choice(values, 250).astype(np.float32)
    assert len(find_codebook(weights)) == 16
