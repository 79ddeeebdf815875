"""The weight-sharing pass: zeros exact, few values, the same again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.errors import UsageError
from cortado.model.layers.prunable import find_layers, replace_weights
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.prune import prune
from cortado.quantize import QuantizeOptions, quantize
from nets import if_net, matmul, mlp, weight

FC1, FC2 = "fc1.weight", "fc2.weight"
INITS = ["linear", "density", "random", "optimal"]
PRUNED = prune(mlp(sizes=(40, 20, 10)), [Assignment("*", 0.6)]).model


def quantized(*bits, model=PRUNED, init="optimal", seed=0):
    return quantize(model, [Assignment(*pair) for pair in bits], QuantizeOptions(init, seed))


@pytest.mark.parametrize("init", INITS)
def test_zeros_stay_zero_and_the_rest_shares_few_values(init):
    result = quantized(("fc1", 4), ("fc2", 2), init=init).model
    for name, limit in ((FC1, 16), (FC2, 4)):
        array = weight(result, name)
        np.testing.assert_array_equal(array == 0, weight(PRUNED, name) == 0)
        assert len(np.unique(array[array != 0])) <= limit


def test_each_weight_takes_the_nearest_shared_value():
    array, before = (weight(model, FC1) for model in (quantized(("fc1", 3)).model, PRUNED))
    kept = before != 0
    codebook = np.unique(array[kept]).astype(np.float64)
    distances = np.abs(before[kept][:, None] - codebook)
    np.testing.assert_array_equal(
        np.abs(before[kept] - array[kept].astype(float)), distances.min(1)
    )


@given(
    hnp.arrays(
        np.float32,
        (6, 7),
        elements=st.just(0.0) | st.floats(-4, 4, width=32),
    ),
    st.integers(1, 8),
    st.sampled_from(INITS),
)
@settings(deadline=None, max_examples=80)
def test_whatever_the_weights_sharing_keeps_zeros_and_changes_nothing_twice(weights, bits, init):
    once = quantized(("*", bits), model=matmul(weights), init=init).model
    array = weight(once, "w")
    np.testing.assert_array_equal(array == 0, weights == 0)
    assert len(np.unique(array[array != 0])) <= 2**bits
    again = quantized(("*", bits), model=once, init=init).model
    np.testing.assert_array_equal(weight(again, "w"), array)


def test_the_report_is_true():
    result = quantized(("fc1", 3))
    (layer,) = result.layers
    array, before = weight(result.model, FC1), weight(PRUNED, FC1)
    assert (layer.name, layer.nonzero, layer.values) == ("fc1", 320, 8)
    error = (array.astype(np.float64) - before)[before != 0]
    assert layer.rmse == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-9)


def test_other_layers_biases_and_the_original_stay():
    before = serial.encode(PRUNED)
    result = quantized(("fc1", 2)).model
    for name in (FC2, "fc1.bias", "fc2.bias"):
        np.testing.assert_array_equal(weight(result, name), weight(PRUNED, name))
    assert serial.encode(PRUNED) == before


def test_the_seed_decides_on_random():
    first, same, other = (
        serial.encode(quantized(("*", 3), init="random", seed=seed).model) for seed in (1, 1, 2)
    )
    assert first == same
    assert first != other


def test_a_layer_without_weights_stays_so():
    result = quantized(("*", 4), model=matmul(np.zeros((3, 4), np.float32)))
    assert not weight(result.model, "w").any()
    assert (result.layers[0].nonzero, result.layers[0].rmse) == (0, 0.0)


def test_no_negative_zero_is_left_in_a_branch_either():
    model = if_net()
    layers = find_layers(model).by_key
    array = layers["w_then"].array.copy()
    array[0, 0] = -0.0
    model = replace_weights(model, {"w_then": array})
    shared = find_layers(quantized(("w_else", 3), model=model).model).by_key["w_then"].array
    assert not np.signbit(shared[0, 0])
    np.testing.assert_array_equal(shared, array)


@pytest.mark.parametrize("bits", [0, -1, 9, 32])
def test_bits_that_make_no_codebook_are_refused(bits):
    with pytest.raises(UsageError, match=f"{bits} bits for fc1: a codebook takes 1 to 8 bits"):
        quantized(("fc1", bits))
