"""Gemm and MatMul on integers: onnxruntime fuses them, and they compute what they should."""

import numpy as np
import pytest
from onnx import helper

from cortado.errors import CortadoError
from cortado.integer_kernels import KernelOptions, to_kernel
from cortado.model.layers.integers import find_integer_weights
from cortado.model.onnx_io import serial
from integer_kernels.fused import checked, difference, optimised_operators, outputs
from nets import build, decoded, matmul, mlp, normal, shared_weight_net, weight

RNG = np.random.default_rng(0)
FUSED = {"int8": "DynamicQuantizeMatMul", "int4": "MatMulNBits"}
ROUNDING = {"int8": 0.05, "int4": 0.25}  # of the largest output, for normal weights


def converted(model, kernel):
    return to_kernel(model, KernelOptions(kernel))


@pytest.mark.parametrize("kernel", FUSED)
def test_a_net_of_gemms_is_fused_whole_and_stays_close(kernel):
    model = mlp(sizes=(300, 64, 10))
    found = checked(converted(model, kernel).model)
    kinds = optimised_operators(found)
    assert kinds.count(FUSED[kernel]) == 2
    assert not {"Gemm", "FusedGemm", "MatMul", "DequantizeLinear", "MatMulInteger"} & set(kinds)
    x = normal(RNG, 9, 300)
    assert 0 < difference(outputs(found, x), outputs(model, x)) < ROUNDING[kernel]


@pytest.mark.parametrize("kernel", FUSED)
@pytest.mark.parametrize("rows", [5, 32, 100])
@pytest.mark.parametrize("activation", ["Relu", "Clip", "Sigmoid", None])
def test_any_height_and_activation_is_fused(kernel, rows, activation):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h" if activation else "y"], "product")]
    if activation:
        nodes.append(helper.make_node(activation, ["h"], ["a"], "activation"))
        nodes.append(helper.make_node("Neg", ["a"], ["y"], "behind"))
    net = build(nodes, {"w": normal(RNG, rows, 7)}, {"x": ["N", rows]}, {"y": ["N", 7]}, opset=21)
    found = checked(converted(decoded(net), kernel).model)
    assert FUSED[kernel] in optimised_operators(found)
    x = normal(RNG, 3, rows)
    assert difference(outputs(found, x), outputs(decoded(net), x)) < ROUNDING[kernel]


def test_limits_of_a_clip_stay():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "product"),
        helper.make_node("Clip", ["h", "low", "high"], ["y"], "clip"),
    ]
    weights = {"w": normal(RNG, 40, 6), "low": np.float32(-0.5), "high": np.float32(0.25)}
    model = decoded(build(nodes, weights, {"x": ["N", 40]}, {"y": ["N", 6]}))
    found = converted(model, "int4").model
    assert "MatMulNBits" in optimised_operators(found)
    result = outputs(found, normal(RNG, 50, 40))
    assert (result.min(), result.max()) == (-0.5, 0.25)


@pytest.mark.parametrize("kernel", FUSED)
def test_inputs_may_have_more_axes(kernel):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    net = build([node], {"w": normal(RNG, 64, 8)}, {"x": ["N", 5, 64]}, {"y": ["N", 5, 8]})
    found = checked(converted(decoded(net), kernel).model)
    assert FUSED[kernel] in optimised_operators(found)
    x = normal(RNG, 2, 5, 64)
    assert difference(outputs(found, x), outputs(decoded(net), x)) < ROUNDING[kernel]


def test_eight_bits_compute_what_the_integers_say():
    """Beside the arithmetic of DynamicQuantizeLinear and MatMulInteger, done in numpy."""
    w, x = normal(RNG, 50, 20), normal(RNG, 4, 50)
    found = converted(matmul(w), "int8").model
    k, steps = weight(found, "w").astype(np.int64), weight(found, "w_scale")
    low, high = min(x.min(), 0), max(x.max(), 0)
    step = np.float32((high - low) / np.float32(255))
    zero = np.rint(-low / step)
    q = np.clip(np.rint(x / step) + zero, 0, 255).astype(np.int64)
    expected = ((q - int(zero)) @ k) * (step * steps.astype(np.float64))
    np.testing.assert_allclose(outputs(found, x), expected, rtol=1e-5, atol=1e-5)


def test_four_bits_compute_what_the_blocks_say():
    """With optimisation off, onnxruntime expands the blocks and multiplies in float32."""
    w, x = normal(RNG, 50, 20), normal(RNG, 4, 50)
    found = converted(matmul(w), "int4").model
    k, steps = weight(found, "w").astype(np.float32), weight(found, "w_scale")
    expected = x @ (k * np.repeat(steps, 32, axis=0)[:50])
    np.testing.assert_allclose(outputs(found, x, optimised=False), expected, rtol=1e-4, atol=1e-4)
    assert difference(outputs(found, x), expected) < 0.02


@pytest.mark.parametrize("kernel", FUSED)
def test_weights_keep_their_names_and_pruned_ones_stay_zero(kernel):
    w = normal(RNG, 64, 9) * (RNG.random((64, 9)) < 0.2)
    model = matmul(w)
    before = serial.encode(model)
    found = converted(model, kernel)
    (integers,) = find_integer_weights(found.model)
    assert (integers.key, integers.bits) == ("w", int(kernel[-1]))
    assert not integers.array[w == 0].any()
    assert list(found.model.graph.initializers) == ["w", "w_scale"]
    assert [value.name for value in found.model.graph.outputs] == ["y"]
    assert serial.encode(model) == before


def test_a_taken_name_is_not_taken_again():
    node = helper.make_node("MatMul", ["x", "w"], ["h"])
    add = helper.make_node("Add", ["h", "w_scale"], ["y"])
    net = build([node, add], {"w": normal(RNG, 4, 3), "w_scale": normal(RNG, 3)})
    found = converted(decoded(net), "int8").model
    assert list(found.graph.initializers) == ["w", "w_scale", "w_scale_2"]
    x = normal(RNG, 2, 4)
    assert difference(outputs(found, x), outputs(decoded(net), x)) < 0.05


def test_a_weight_of_two_nodes_is_stored_once():
    found = checked(converted(shared_weight_net(), "int8").model)
    assert optimised_operators(found) == ["DynamicQuantizeMatMul"] * 2
    assert list(found.graph.initializers) == ["w", "w_scale"]
    with pytest.raises(CortadoError, match=r"int4: first: several nodes share its weight"):
        converted(shared_weight_net(), "int4")


def gemm(**attributes):
    """Return fc1 with these attributes, and fc2, which can be converted."""
    nodes = [
        helper.make_node("Gemm", ["x", "fc1.weight"], ["h"], "one", **attributes),
        helper.make_node("Gemm", ["h", "fc2.weight"], ["y"], "two"),
    ]
    return {"fc1.weight": normal(RNG, 4, 4), "fc2.weight": normal(RNG, 4, 4)}, nodes


def left_factor():
    nodes = [
        helper.make_node("MatMul", ["fc1.weight", "x"], ["h"], "one"),
        helper.make_node("MatMul", ["h", "fc2.weight"], ["y"], "two"),
    ]
    return {"fc1.weight": normal(RNG, 4, 4), "fc2.weight": normal(RNG, 4, 4)}, nodes


def read_elsewhere():
    weights, nodes = gemm()
    nodes.append(helper.make_node("ReduceMax", ["fc1.weight"], ["m"], keepdims=0))
    nodes.append(helper.make_node("Mul", ["m", "y"], ["z"]))
    return weights, nodes


def two_layouts():
    weights, nodes = gemm()
    nodes[1] = helper.make_node("Gemm", ["h", "fc1.weight"], ["i"], "again", transB=1)
    nodes.append(helper.make_node("Gemm", ["i", "fc2.weight"], ["y"], "two"))
    return weights, nodes


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (gemm(alpha=0.5), "its product is scaled by alpha or beta"),
        (gemm(transA=1), "its input is transposed"),
        (left_factor(), "its weight is the left factor"),
        (read_elsewhere(), "its weight is also read by ReduceMax"),
        (two_layouts(), "its nodes use its weight in different layouts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_stays_float32_says_why(net, reason):
    weights, nodes = net
    model = decoded(build(nodes, weights, {"x": [4, 4]}, {"y": [4, 4]}))
    found = converted(model, "int8")
    assert [(x.name, x.reason) for x in found.left] == [("fc1", reason)]
    assert [layer.name for layer in found.layers] == ["fc2"]
    x = normal(RNG, 4, 4)
    assert difference(outputs(found.model, x), outputs(model, x)) < 0.05


def test_sums_that_int32_cannot_hold_stay_float32():
    message = r"no layer of the model can become int8: product: a sum of 70,000 products may not"
    with pytest.raises(CortadoError, match=message):
        converted(matmul(np.ones((70_000, 2), np.float32)), "int8")


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(CortadoError, match="the layer product has weights that are NaN"):
        converted(matmul(np.full((3, 2), np.nan, np.float32)), "int8")
