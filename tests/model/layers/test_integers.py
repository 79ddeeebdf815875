"""Integer weights are found with the operator that multiplies with them."""

import numpy as np
from onnx import helper

from cortado.model.layers.integers import find_integer_weights
from nets import build, decoded, mlp

K = np.array([[1, 0], [-3, 127], [0, 0], [5, -127]], np.int8)


def test_float_models_have_none():
    assert find_integer_weights(mlp()) == ()


def test_integers_are_named_by_their_layer_and_its_operator():
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", "fc1.weight", "z"], ["i"]),
        helper.make_node("Cast", ["i"], ["c"], to=1),
        helper.make_node("DequantizeLinear", ["other", "step"], ["e"]),
        helper.make_node("MatMul", ["x", "e"], ["m"]),
        helper.make_node("Add", ["c", "m"], ["y"]),
    ]
    weights = {"fc1.weight": K, "other": K, "step": np.float32(0.5)}
    one, two = find_integer_weights(decoded(build(nodes, weights)))
    assert (one.name, one.key, one.op_type, one.bits) == ("fc1", "fc1.weight", "MatMulInteger", 8)
    assert (two.name, two.op_type) == ("other", "MatMul")
    np.testing.assert_array_equal(one.array, K)
