import numpy as np
import pytest
from onnx import helper

from bridge.agreement import assert_agrees, assert_gradients, model_of, one_node, rand

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


@pytest.mark.parametrize("storage_order", [0, 1])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]},
        {"kernel_shape": [2, 2], "dilations": [2, 1]},
    ],
    ids=["plain", "padded", "dilated"],
)
def test_places_of_maxima(attributes, storage_order):
    x = rand(2, 3, 7, 6)
    nodes = [
        helper.make_node("MaxPool", ["x"], ["m", "i"], storage_order=storage_order, **attributes),
        helper.make_node("Identity", ["i"], ["y"]),
    ]
    assert_agrees(model_of(nodes, {"x": x}, {}), x)


@pytest.mark.parametrize("given", [False, True], ids=["default", "given"])
def test_unpooling(given):
    x = rand(2, 3, 6, 8)
    window = {"kernel_shape": [2, 2], "strides": [2, 2]}
    extra = ["shape"] if given else []
    nodes = [
        helper.make_node("MaxPool", ["x"], ["m", "i"], **window),
        helper.make_node("MaxUnpool", ["m", "i", *extra], ["y"], **window),
    ]
    constants = {"shape": np.array([2, 3, 6, 8])} if given else {}
    assert_agrees(model_of(nodes, {"x": x}, constants, batch=2), x)


@pytest.mark.parametrize("include", [0, 1])
def test_average_of_dilated_windows(include):
    x = rand(2, 3, 9, 8)
    attributes = {"kernel_shape": [3, 2], "dilations": [2, 3], "pads": [1, 1, 1, 1]}
    model = one_node("AveragePool", x, opset=19, count_include_pad=include, **attributes)
    assert_agrees(model, x)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_norms(p):
    x = rand(2, 3, 6, 7)
    window = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 0, 1]}
    assert_agrees(one_node("LpPool", x, p=p, **window), x)
    assert_agrees(one_node("GlobalLpPool", x, p=p), x)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_regions(scale):
    x = rand(2, 3, 9, 8)
    regions = np.array(
        [[0, 0, 0, 7, 8], [1, 2, 1, 6.4, 4.5], [1, 5, 5, 5, 5], [0, 6, 6, 20, 20]], np.float32
    )
    model = one_node("MaxRoiPool", x, regions, pooled_shape=[3, 2], spatial_scale=scale)
    assert_agrees(model, x)


def test_gradients_of_unpooling():
    x = rand(1, 2, 4, 4)
    window = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("MaxPool", ["x"], ["m", "i"], **window),
        helper.make_node("MaxUnpool", ["m", "i"], ["y"], **window),
    ]
    assert_gradients(model_of(nodes, {"x": x}, {}, batch=1), x)
