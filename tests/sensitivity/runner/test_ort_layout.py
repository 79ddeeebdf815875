"""The layout of convolutions, by how many zeros their blocks would hold; channels in parts."""

from itertools import pairwise

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from cortado.model.onnx_io import serial
from cortado.runtime import Runtime
from cortado.sensitivity.runner.ort_layout import choose_layout, part_channels
from nets import build, decoded, normal
from scored import cut


def chain(*channels, group=1, kernel=3):
    """Return convolutions from some channels to the next, on 8×8 images."""
    rng = np.random.default_rng(0)
    nodes, weights = [], {}
    for i, (entering, leaving) in enumerate(pairwise(channels)):
        ends = ("x" if i == 0 else f"v{i}", "y" if i == len(channels) - 2 else f"v{i + 1}")
        nodes.append(
            helper.make_node(
                "Conv", [ends[0], f"w{i}"], [ends[1]], f"c{i}", pads=[kernel // 2] * 4, group=group
            )
        )
        weights[f"w{i}"] = normal(rng, leaving, entering // group, kernel, kernel)
    shapes = ({"x": ["N", channels[0], 8, 8]}, {"y": ["N", channels[-1], 8, 8]})
    return decoded(build(nodes, weights, *shapes))


@pytest.mark.parametrize(
    ("channels", "layout"),
    [
        ((3, 64, 128), "blocked"),  # three channels enter as they are
        ((16, 16), "blocked"),
        ((20, 50), "blocked"),  # 20 · 64, in two parts
        ((48, 40, 48), "blocked"),
        ((17, 17), "blocked"),  # 17 · 32
        ((17, 4), "plain"),  # 17 · 16
        ((17, 4, 256, 256), "blocked"),  # by where most products are
    ],
)
def test_blocks_that_would_mostly_hold_zeros_are_left_out(channels, layout):
    assert cut(chain(*channels)).layout == layout


def test_what_enters_a_kernel_of_one_is_filled_as_well():
    assert cut(chain(20, 50, kernel=1)).layout == "plain"  # 32 · 64 for 20 · 50


def test_groups_and_networks_without_convolutions_say_nothing():
    assert choose_layout(chain(34, 34, group=17).graph) == "blocked"


def parted(proto):
    """Return a model whose convolutions are parted, and the operators of its nodes."""
    model = decoded(proto)
    part_channels(model)
    return model, [node.op_type for node in model.graph]


def odd(seed, channels, kernel, opset, *, bias):
    """Return a convolution of some channels with all attributes, whose names are half taken."""
    rng = np.random.default_rng(seed)
    weights = {"w": normal(rng, 5, channels, kernel, kernel), "y/sizes": normal(rng, 5)}
    inputs = ["x", "w", "y/sizes"] if bias else ["x", "w"]
    node = helper.make_node(
        "Conv", inputs, ["y"], "c", pads=[0, 1, 2, 0], strides=[2, 1], dilations=[1, 2]
    )
    images = {"x": ["N", channels, 9, 9]}
    return build([node], weights, images, {"y": ["N", 5, None, None]}, opset=opset)


def sizes_of(proto):
    """Return the convolution of absolute weights: sums of n products err by n · 2⁻²⁴ of its own."""
    sizes = onnx.ModelProto.FromString(proto.SerializeToString())
    for tensor in sizes.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(abs(numpy_helper.to_array(tensor)), tensor.name))
    return sizes


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    channels=st.integers(1, 50),
    kernel=st.integers(1, 3),
    opset=st.sampled_from([9, 12, 13, 18]),
    bias=st.booleans(),
)
def test_a_convolution_in_parts_is_the_same(seed, channels, kernel, opset, bias):
    proto = odd(seed, channels, kernel, opset, bias=bias)
    model, operators = parted(proto)
    assert ("w" in model.graph.initializers) == (len(operators) == 1)
    in_parts = channels > 16 and channels % 16 > 0 and kernel > 1
    assert operators == (["Split", "Conv", "Conv", "Add"] if in_parts else ["Conv"])
    images = np.random.default_rng(seed).standard_normal((3, channels, 9, 9), np.float32)
    expected, found = (
        Runtime().open(data).run({"x": images})["y"]
        for data in (proto.SerializeToString(), serial.encode(model))
    )
    bound = Runtime().open(sizes_of(proto).SerializeToString()).run({"x": abs(images)})["y"]
    assert np.all(abs(found - expected) <= 2 * (channels * kernel**2 + 1) * 2.0**-24 * bound)


def test_weights_that_are_inputs_and_groups_stay_whole():
    model = chain(20, 20)
    weight = model.graph.initializers["w0"]
    model.graph.inputs.append(weight)  # a default, that others may be given for
    part_channels(model)
    assert [node.op_type for node in model.graph] == ["Conv"]
    grouped = chain(40, 40, group=2)
    part_channels(grouped)
    assert [node.op_type for node in grouped.graph] == ["Conv"]
