"""Sharing biases: which vectors are biases, and what becomes of them."""

import numpy as np
import pytest
from onnx import helper

from cortado.errors import CortadoError, UsageError
from cortado.model.layers.prunable import replace_weights
from cortado.quantize import share_biases
from nets import build, conv_net, decoded, matmul, normal, weight


def test_all_biases_share_one_codebook_and_weights_stay():
    model = conv_net()
    shared = share_biases(model, 2).model
    values = np.concatenate([weight(shared, "conv1.bias"), weight(shared, "fc.bias")])
    assert len(np.unique(values)) == 4
    for name in ("conv1.weight", "fc.weight"):
        np.testing.assert_array_equal(weight(shared, name), weight(model, name))


def test_enough_values_change_nothing():
    model = conv_net()
    shared = share_biases(model, 8).model
    for name in ("conv1.bias", "fc.bias"):
        np.testing.assert_array_equal(weight(shared, name), weight(model, name))


def test_zeros_stay_zero_and_take_no_value():
    bias = np.array([0, 1, 0, 2], np.float32)
    model = replace_weights(conv_net(), {"conv1.bias": bias, "fc.bias": np.zeros(3, np.float32)})
    shared = share_biases(model, 1).model
    np.testing.assert_array_equal(weight(shared, "conv1.bias"), bias)
    np.testing.assert_array_equal(weight(shared, "fc.bias"), 0)


def test_what_is_added_to_a_matmul_is_a_bias_and_other_vectors_are_not():
    rng = np.random.default_rng(0)
    weights = {"w": normal(rng, 4, 6), "b": normal(rng, 6), "scale": normal(rng, 6)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["s"]),
        helper.make_node("Mul", ["s", "scale"], ["y"]),
    ]
    shared = share_biases(decoded(build(nodes, weights)), 1).model
    assert len(np.unique(weight(shared, "b"))) == 2
    np.testing.assert_array_equal(weight(shared, "scale"), weights["scale"])


def test_a_model_without_biases_stays():
    model = matmul(np.eye(4, dtype=np.float32))
    shared = share_biases(model, 4)
    assert (shared.nonzero, shared.values, shared.rmse) == (0, 0, 0)
    np.testing.assert_array_equal(weight(shared.model, "w"), np.eye(4))


def test_figures_are_those_of_the_change():
    model = conv_net()
    shared = share_biases(model, 1)
    changes = [
        weight(shared.model, name) - weight(model, name) for name in ("conv1.bias", "fc.bias")
    ]
    assert (shared.nonzero, shared.values) == (7, 2)
    assert shared.rmse == pytest.approx(np.sqrt(np.square(np.concatenate(changes)).mean()))


def test_a_bias_that_is_no_number_is_refused_by_name():
    bias = np.array([0, np.nan, 1, 2], np.float32)
    model = replace_weights(conv_net(), {"conv1.bias": bias})
    with pytest.raises(CortadoError, match=r"the bias conv1\.bias has values that are NaN"):
        share_biases(model, 4)


@pytest.mark.parametrize("bits", [0, 9])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(UsageError, match=f"{bits} bits for biases"):
        share_biases(conv_net(), bits)


def test_a_bias_may_have_more_than_one_axis():
    rng = np.random.default_rng(0)
    weights = {"w": normal(rng, 4, 6), "b": normal(rng, 1, 6)}
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    shared = share_biases(decoded(build([node], weights)), 1).model
    assert len(np.unique(weight(shared, "b"))) == 2
