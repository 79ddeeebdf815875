import pytest

from bridge.agreement import assert_agrees, one_node, rand
from cortado.bridge import to_torch
from cortado.errors import CortadoError

WINDOWS = {
    "plain": {"strides": [2, 2]},
    "overlapping": {"strides": [1, 2]},
    "default strides": {},
    "pads": {"strides": [2, 2], "pads": [1, 1, 1, 1]},
    "pads that differ by side": {"strides": [2, 2], "pads": [0, 1, 1, 0]},
    "pads of more than half a window": {"strides": [2, 2], "pads": [2, 2, 2, 2]},
    "same upper": {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "same lower": {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
}
CEILING = {
    "plain": {"strides": [2, 2]},
    "stride above kernel": {"strides": [4, 5]},
    "pads": {"strides": [2, 2], "pads": [1, 1, 1, 1]},
    "pads and large strides": {"strides": [3, 4], "pads": [1, 1, 1, 1]},
    "pads that differ by side": {"strides": [2, 2], "pads": [0, 1, 1, 0]},
    "pads that differ, large strides": {"strides": [3, 4], "pads": [0, 0, 1, 1]},
}


@pytest.mark.parametrize("attributes", WINDOWS.values(), ids=WINDOWS.keys())
@pytest.mark.parametrize("opset", [7, 22])
def test_max_pool(attributes, opset):
    x = rand(3, 2, 9, 8)
    assert_agrees(one_node("MaxPool", x, kernel_shape=[3, 3], opset=opset, **attributes), x)


@pytest.mark.parametrize("attributes", CEILING.values(), ids=CEILING.keys())
@pytest.mark.parametrize("size", [7, 8, 9, 12])
def test_max_pool_with_ceil_mode(attributes, size):
    x = rand(2, 2, size, 9)
    assert_agrees(one_node("MaxPool", x, kernel_shape=[3, 3], ceil_mode=1, **attributes), x)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_max_pool_with_dilations(axes):
    x = rand(2, 2, *[9] * axes)
    assert_agrees(one_node("MaxPool", x, kernel_shape=[3] * axes, dilations=[2] * axes), x)


@pytest.mark.parametrize("include", [0, 1], ids=["pads do not count", "pads count"])
@pytest.mark.parametrize("attributes", WINDOWS.values(), ids=WINDOWS.keys())
@pytest.mark.parametrize("opset", [7, 22])
def test_average_pool(attributes, include, opset):
    x = rand(3, 2, 9, 8)
    options = {"kernel_shape": [3, 3], "count_include_pad": include, "opset": opset}
    assert_agrees(one_node("AveragePool", x, **options, **attributes), x)


@pytest.mark.parametrize("attributes", CEILING.values(), ids=CEILING.keys())
@pytest.mark.parametrize("size", [7, 8, 9, 12])
def test_average_pool_with_ceil_mode(attributes, size):
    x = rand(2, 2, size, 9)
    assert_agrees(one_node("AveragePool", x, kernel_shape=[3, 3], ceil_mode=1, **attributes), x)


@pytest.mark.parametrize("name", ["plain", "pads"])
@pytest.mark.parametrize("size", [7, 8, 9, 12])
def test_average_pool_with_ceil_mode_and_counted_pads(name, size):
    x = rand(2, 2, size, 9)
    options = {"kernel_shape": [3, 3], "ceil_mode": 1, "count_include_pad": 1, "opset": 19}
    assert_agrees(one_node("AveragePool", x, **options, **CEILING[name]), x)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("op_type", ["AveragePool", "GlobalAveragePool", "GlobalMaxPool"])
def test_pooling_of_any_number_of_axes(op_type, axes):
    x = rand(2, 3, *[6] * axes)
    attributes = {"kernel_shape": [2] * axes} if op_type == "AveragePool" else {}
    assert_agrees(one_node(op_type, x, **attributes), x)


def test_positions_of_maxima_are_refused():
    model = one_node("MaxPool", rand(1, 1, 4, 4), kernel_shape=[2, 2], outputs=2)
    with pytest.raises(CortadoError, match="its output y1 is not supported"):
        to_torch(model)
