"""The axes of a weight, against what the node computes: an output or an input is zero, and is."""

import numpy as np
import pytest
from onnx import helper

from cortado.model.layers.prunable import find_layers, replace_weights
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime
from nets import build, conv_net, decoded, mlp, normal, shared_weight_net

RNG = np.random.default_rng(0)
IN, OUT = 6, 4


def layer_of(nodes, weights, input_shape):
    """Return the only layer of a net of nodes, with the model."""
    output = [f"d{axis}" for axis in range(len(input_shape))]
    model = decoded(build(nodes, weights, {"x": input_shape}, {"y": output}, opset=17))
    (layer,) = find_layers(model).prunable
    return model, layer


def without(layer, axis, index):
    array = layer.array.copy()
    array[(slice(None),) * axis + (index,)] = 0
    return {layer.key: array}


def run(model, x):
    return Runtime().open(serial.encode(model)).run({"x": x})["y"]


def check(model, layer, x, channels, groups=1):
    """Cut an output: that channel of y is zero alone. Cut an input: x there does not matter.

    `channels` are the axes of x and y that count inputs and outputs; None for a left factor's y.
    """
    entering, leaving = channels
    axes = layer.axes
    assert (axes.groups, axes.reason) == (groups, "")
    y = run(replace_weights(model, without(layer, axes.output, 1)), x)
    zero = {
        channel for channel in range(y.shape[leaving]) if not np.take(y, channel, leaving).any()
    }
    per_group = layer.array.shape[axes.output]
    is_split = layer.op_type == "ConvTranspose" and groups > 1
    expected = {1 + per_group * group for group in range(groups)} if is_split else {1}
    assert zero == expected
    cut = replace_weights(model, without(layer, axes.input, 2))
    inputs = layer.array.shape[axes.input]
    changed = x.copy()
    is_counted_once = groups == 1 or layer.op_type == "ConvTranspose"
    for channel in [2] if is_counted_once else [2 + inputs * group for group in range(groups)]:
        changed[(slice(None),) * (entering % x.ndim) + (channel,)] += 5
    np.testing.assert_array_equal(run(cut, x), run(cut, changed))
    assert np.abs(run(model, x) - run(model, changed)).max() > 0.1


@pytest.mark.parametrize(
    ("op_type", "groups", "shape"),
    [
        ("Conv", 1, (4, 6, 3, 3)),
        ("Conv", 2, (4, 3, 3, 3)),
        ("ConvTranspose", 1, (6, 4, 3, 3)),
        ("ConvTranspose", 2, (6, 2, 3, 3)),
    ],
)
def test_convolutions(op_type, groups, shape):
    node = helper.make_node(op_type, ["x", "w"], ["y"], group=groups)
    model, layer = layer_of([node], {"w": normal(RNG, *shape)}, ["N", 6, 5, 5])
    check(model, layer, normal(RNG, 2, 6, 5, 5), (1, 1), groups)


def test_a_depthwise_convolution_has_an_output_a_group_and_no_other_input():
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=6)
    _, layer = layer_of([node], {"w": normal(RNG, 6, 1, 3, 3)}, ["N", 6, 5, 5])
    assert (layer.axes.output, layer.axes.input, layer.axes.groups) == (0, 1, 6)


@pytest.mark.parametrize(("is_swapped", "shape"), [(0, (IN, OUT)), (1, (OUT, IN))])
def test_a_right_factor(is_swapped, shape):
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transB=is_swapped)
    model, layer = layer_of([node], {"w": normal(RNG, *shape)}, ["N", IN])
    check(model, layer, normal(RNG, 3, IN), (-1, -1))


@pytest.mark.parametrize(("is_swapped", "shape"), [(0, (OUT, IN)), (1, (IN, OUT))])
def test_a_left_factor(is_swapped, shape):
    node = helper.make_node("Gemm", ["w", "x"], ["y"], transA=is_swapped)
    model, layer = layer_of([node], {"w": normal(RNG, *shape)}, [IN, "N"])
    check(model, layer, normal(RNG, IN, 3), (0, 0))


def test_matmul_on_both_sides_and_with_axes_in_front():
    right = helper.make_node("MatMul", ["x", "w"], ["y"])
    model, layer = layer_of([right], {"w": normal(RNG, IN, OUT)}, ["N", 3, IN])
    check(model, layer, normal(RNG, 2, 3, IN), (-1, -1))
    left = helper.make_node("MatMul", ["w", "x"], ["y"])
    model, layer = layer_of([left], {"w": normal(RNG, OUT, IN)}, [2, IN, "N"])
    check(model, layer, normal(RNG, 2, IN, 3), (-2, -2))
    model, layer = layer_of([right], {"w": normal(RNG, 2, IN, OUT)}, [2, 3, IN])
    assert (layer.axes.output, layer.axes.input) == (2, 1)
    check(model, layer, normal(RNG, 2, 3, IN), (-1, -1))


@pytest.mark.parametrize(
    ("shape", "steps", "op_type", "x"),
    [
        ((OUT, IN), [("Transpose", {}, None)], "MatMul", (3, IN)),
        ((OUT, IN), [("Transpose", {"perm": [1, 0]}, None)], "MatMul", (3, IN)),
        ((3, OUT, IN), [("Transpose", {"perm": [1, 2, 0]}, None)], "Conv", (2, IN, 5)),
        ((OUT, IN), [("Unsqueeze", {}, [2])], "Conv", (2, IN, 5)),
        ((OUT, IN), [("Reshape", {}, [0, -1, 1, 1])], "Conv", (2, IN, 5, 5)),
        ((IN, 1, OUT, 1), [("Squeeze", {}, [1, -1])], "MatMul", (3, IN)),
        ((1, IN, OUT), [("Reshape", {}, [IN, OUT])], "MatMul", (3, IN)),
        ((IN, OUT, 1), [("Flatten", {"axis": 1}, None)], "MatMul", (3, IN)),
        ((OUT, IN, 1), [("Squeeze", {}, None), ("Transpose", {}, None)], "MatMul", (3, IN)),
        ((IN, OUT), [("Identity", {}, None), ("Cast", {"to": 1}, None)], "MatMul", (3, IN)),
    ],
)
def test_axes_are_followed_through_nodes(shape, steps, op_type, x):
    weights, nodes, last = {"w": normal(RNG, *shape)}, [], "w"
    for number, (step, attributes, argument) in enumerate(steps):
        inputs = [last]
        if argument is not None:
            inputs.append(f"argument{number}")
            weights[inputs[-1]] = np.array(argument)
        last = f"step{number}"
        nodes.append(helper.make_node(step, inputs, [last], **attributes))
    nodes.append(helper.make_node(op_type, ["x", last], ["y"]))
    model, layer = layer_of(nodes, weights, list(x))
    channel = 1 if op_type == "Conv" else -1
    check(model, layer, normal(RNG, *x), (channel, channel))


def test_an_axis_that_a_reshape_joins_is_lost_and_the_other_is_not():
    nodes = [
        helper.make_node("Reshape", ["w", "shape"], ["v"]),
        helper.make_node("Gemm", ["x", "v"], ["y"], transB=1),
    ]
    weights = {"w": normal(RNG, OUT, 2, 3), "shape": np.array([OUT, IN])}
    _, layer = layer_of(nodes, weights, ["N", IN])
    assert (layer.axes.output, layer.axes.input) == (0, None)
    assert layer.axes.reason == "a Reshape in front of its node joins or splits its axes"


def test_a_weight_that_two_nodes_use_in_different_layouts_has_no_axes():
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["h"]),
        helper.make_node("Gemm", ["h", "w"], ["y"], transB=1),
    ]
    _, layer = layer_of(nodes, {"w": normal(RNG, IN, OUT)}, ["N", IN])
    assert (layer.axes.output, layer.axes.input) == (None, None)
    assert layer.axes.reason == "its nodes use its weight in different layouts"
    (layer,) = find_layers(shared_weight_net()).prunable
    assert (layer.axes.output, layer.axes.input) == (1, 0)


def test_the_rows_of_a_recurrent_layer_are_the_gates_of_its_units():
    weights = {"w": normal(RNG, 2, 12, 4), "r": normal(RNG, 2, 12, 3), "b": normal(RNG, 2, 24)}
    lstm = helper.make_node(
        "LSTM", ["x", "w", "r", "b"], ["y"], "lstm", hidden_size=3, direction="bidirectional"
    )
    model = decoded(build([lstm], weights, {"x": [5, "N", 4]}, {"y": [5, 2, "N", 3]}))
    for layer in find_layers(model).prunable:
        assert (layer.axes.output, layer.axes.input, layer.bias.name) == (1, 2, "b")


# Biases.


def test_biases_of_nodes():
    for model in (mlp(), conv_net()):
        for layer in find_layers(model).prunable:
            assert layer.bias.name == f"{layer.name}.bias"


@pytest.mark.parametrize(
    ("op_type", "weight", "x", "bias", "is_bias"),
    [
        ("MatMul", (IN, OUT), (3, IN), (OUT,), True),
        ("MatMul", (IN, OUT), (3, IN), (1, OUT), True),
        ("MatMul", (IN, OUT), (3, IN), (OUT, 1), False),
        ("MatMul", (IN, OUT), (OUT, IN), (OUT, 1), False),
        ("MatMul", (IN, OUT), (3, IN), (1,), False),
        ("Conv", (OUT, IN, 1, 1), (2, IN, OUT, OUT), (1, OUT, 1, 1), True),
        ("Conv", (OUT, IN, 1, 1), (2, IN, OUT, OUT), (OUT, 1, 1), True),
        ("Conv", (OUT, IN, 1, 1), (2, IN, OUT, OUT), (OUT,), False),
        ("ConvTranspose", (IN, OUT // 2, 1, 1), (2, IN, 5, 5), (OUT, 1, 1), True),
    ],
)
def test_what_an_add_behind_adds_is_the_bias_where_it_is_one_number_an_output(
    op_type, weight, x, bias, is_bias
):
    groups = {"group": 2} if op_type == "ConvTranspose" else {}
    nodes = [
        helper.make_node(op_type, ["x", "w"], ["h"], **groups),
        helper.make_node("Add", ["b", "h"], ["y"]),
    ]
    _, layer = layer_of(nodes, {"w": normal(RNG, *weight), "b": normal(RNG, *bias)}, list(x))
    assert (layer.bias is not None and layer.bias.name == "b") is is_bias


def test_a_product_that_others_read_too_has_no_bias_behind():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["s"]),
        helper.make_node("Mul", ["h", "s"], ["y"]),
    ]
    _, layer = layer_of(nodes, {"w": normal(RNG, IN, OUT), "b": normal(RNG, OUT)}, ["N", IN])
    assert layer.bias is None


def test_a_bias_that_is_no_vector_or_is_computed_is_none():
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    weights = {"w": normal(RNG, IN, OUT), "b": normal(RNG, 3, OUT)}
    assert layer_of([node], weights, [3, IN])[1].bias is None
    nodes = [helper.make_node("Abs", ["c"], ["b"]), node]
    weights = {"w": normal(RNG, IN, OUT), "c": normal(RNG, OUT)}
    assert layer_of(nodes, weights, [3, IN])[1].bias is None


def test_nodes_with_biases_of_their_own_share_none():
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Gemm", ["h", "w", "c"], ["y"]),
    ]
    weights = {"w": normal(RNG, 4, 4), "b": normal(RNG, 4), "c": normal(RNG, 4)}
    _, layer = layer_of(nodes, weights, ["N", 4])
    assert ([bias.name for bias in layer.biases], layer.bias) == (["b", "c"], None)
