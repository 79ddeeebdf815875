import pytest

from bridge.agreement import assert_agrees, one_node, rand
from cortado.bridge import to_torch
from cortado.errors import CortadoError

CONV = {
    "plain": {},
    "strides": {"strides": [2, 1]},
    "pads": {"pads": [1, 2, 1, 2]},
    "pads that differ by side": {"pads": [0, 1, 2, 0]},
    "dilations": {"dilations": [2, 1]},
    "same upper": {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    "same lower": {"auto_pad": "SAME_LOWER", "strides": [2, 3]},
    "same upper with stride 1": {"auto_pad": "SAME_UPPER"},
    "valid": {"auto_pad": "VALID", "strides": [2, 2]},
    "all": {"strides": [2, 2], "pads": [1, 0, 2, 1], "dilations": [1, 2]},
}


@pytest.mark.parametrize("attributes", CONV.values(), ids=CONV.keys())
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("opset", [7, 22])
def test_conv_2d(attributes, bias, opset):
    x, w, b = rand(3, 4, 11, 12), rand(6, 4, 3, 2), rand(6)
    assert_agrees(one_node("Conv", x, w, *([b] * bias), opset=opset, **attributes), x)


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_conv_with_groups(axes, group):
    x, w = rand(2, 4, *[7] * axes), rand(8, 4 // group, *[3] * axes)
    assert_agrees(one_node("Conv", x, w, rand(8), group=group, pads=[1] * 2 * axes), x)


def test_conv_that_must_know_the_size_is_refused():
    x = rand(1, 1, 5, 5)
    model = one_node("Conv", x, rand(1, 1, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
    model.graph.inputs[0].shape = type(model.graph.inputs[0].shape)(["N", 1, "h", "w"])
    with pytest.raises(CortadoError, match="Conv conv: its auto_pad needs"):
        to_torch(model)


TRANSPOSED = {
    "plain": {},
    "strides": {"strides": [2, 3]},
    "pads": {"strides": [2, 2], "pads": [1, 0, 1, 0]},
    "pads that differ by side": {"strides": [2, 2], "pads": [1, 0, 0, 1]},
    "output padding": {"strides": [2, 3], "output_padding": [1, 2]},
    "dilations": {"dilations": [2, 1], "strides": [1, 2]},
    "same upper": {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "same lower": {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    "all": {"strides": [2, 3], "pads": [1, 0, 0, 1], "output_padding": [1, 1]},
}


@pytest.mark.parametrize("attributes", TRANSPOSED.values(), ids=TRANSPOSED.keys())
@pytest.mark.parametrize("opset", [7, 22])
def test_conv_transpose_2d(attributes, opset):
    x, w = rand(3, 4, 5, 6), rand(4, 2, 3, 3)
    assert_agrees(one_node("ConvTranspose", x, w, rand(2), opset=opset, **attributes), x)


@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_conv_transpose_with_groups(axes, group):
    x, w = rand(2, 4, *[4] * axes), rand(4, 3, *[3] * axes)
    assert_agrees(one_node("ConvTranspose", x, w, group=group, strides=[2] * axes), x)


@pytest.mark.parametrize("shape", [(9, 9), (10, 11), (11, 10), (12, 9)], ids=str)
@pytest.mark.parametrize("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
def test_conv_transpose_to_a_given_shape(auto_pad, shape):
    x = rand(2, 1, 5, 5)
    attributes = {"strides": [2, 2], "output_shape": shape, "auto_pad": auto_pad}
    assert_agrees(one_node("ConvTranspose", x, rand(1, 1, 3, 4), **attributes), x)


def test_conv_transpose_to_a_given_shape_from_an_unknown_one_is_refused():
    x = rand(1, 1, 5, 5)
    model = one_node("ConvTranspose", x, rand(1, 1, 3, 3), output_shape=[9, 9])
    model.graph.inputs[0].shape = type(model.graph.inputs[0].shape)(["N", 1, "h", "w"])
    with pytest.raises(CortadoError, match="its output_shape needs"):
        to_torch(model)
