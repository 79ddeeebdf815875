"""Resize and Upsample against onnxruntime, over their attributes."""

import numpy as np
import pytest
from onnx import helper

from bridge.agreement import assert_agrees, assert_gradients, model_of, one_node, rand

X = rand(2, 3, 5, 7)
SCALES = [(2.0, 2.0), (1.5, 2.3), (0.61, 0.5), (3.0, 0.4)]
TRANSFORMATIONS = [
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
]


def resize(*, scales=None, sizes=None, opset=19, roi=None, x=X, **attributes):
    if roi is None and opset == 11:  # which had to have one
        roi = ()
    constants = [
        None if roi is None else np.array(roi, np.float32),
        None if scales is None else np.array(scales, np.float32),
        None if sizes is None else np.array(sizes),
    ]
    while constants[-1] is None:
        constants.pop()
    return one_node("Resize", x, *constants, opset=opset, **attributes)


def whole(scales):
    return (1.0, 1.0, *scales)


@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_by_scales(mode, transformation, scales):
    attributes = {"mode": mode, "coordinate_transformation_mode": transformation}
    assert_agrees(resize(scales=whole(scales), **attributes), X)


@pytest.mark.parametrize("size", [(10, 14), (3, 4), (1, 1), (5, 9), (8, 2)], ids=str)
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_to_sizes(mode, transformation, size):
    attributes = {"mode": mode, "coordinate_transformation_mode": transformation}
    assert_agrees(resize(sizes=(2, 3, *size), **attributes), X)


@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("transformation", [*TRANSFORMATIONS, "tf_half_pixel_for_nn"])
def test_nearest(transformation, rounding, scales):
    opset = 11 if transformation == "tf_half_pixel_for_nn" else 13
    if transformation == "half_pixel_symmetric":
        opset = 19
    attributes = {"nearest_mode": rounding, "coordinate_transformation_mode": transformation}
    assert_agrees(resize(scales=whole(scales), opset=opset, **attributes), X)


@pytest.mark.parametrize("scales", [(0.6, 0.5), (2.0, 0.4), (0.3, 0.9)], ids=str)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_antialias(mode, scales):
    assert_agrees(resize(scales=whole(scales), mode=mode, antialias=1), X)


@pytest.mark.parametrize("outside", [0, 1])
@pytest.mark.parametrize("a", [-0.5, -0.75])
def test_cubic_coefficients(a, outside):
    attributes = {"cubic_coeff_a": a, "exclude_outside": outside}
    assert_agrees(resize(scales=whole((1.7, 0.8)), mode="cubic", **attributes), X)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("roi", [(0.2, 0.1, 0.7, 0.9), (-0.2, 0.3, 0.8, 1.4)], ids=str)
def test_crop(mode, roi):
    attributes = {"coordinate_transformation_mode": "tf_crop_and_resize", "mode": mode}
    whole_roi = (0, 0, *roi[:2], 1, 1, *roi[2:])
    model = resize(sizes=(2, 3, 6, 6), roi=whole_roi, extrapolation_value=9.0, **attributes)
    assert_agrees(model, X)


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_keeps_the_aspect_ratio(policy):
    model = resize(
        sizes=(8, 9), axes=[2, 3], keep_aspect_ratio_policy=policy, mode="linear", opset=18
    )
    assert_agrees(model, X)


def test_some_axes():
    assert_agrees(resize(scales=(2.0,), axes=[3], mode="linear", opset=18), X)


@pytest.mark.parametrize("opset", [7, 9])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(2.0, 3.0), (1.5, 1.2)], ids=str)
def test_upsample(opset, mode, scales):
    if opset == 7:
        model = one_node("Upsample", X, opset=7, mode=mode, scales=whole(scales))
    else:
        model = one_node("Upsample", X, np.array(whole(scales), np.float32), opset=9, mode=mode)
    assert_agrees(model, X)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_resize_of_opset_10(mode, scales):
    model = one_node("Resize", X, np.array(whole(scales), np.float32), opset=10, mode=mode)
    assert_agrees(model, X)


def test_sizes_that_keep_the_batch_open():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "two"], ["front"]),
        helper.make_node("Concat", ["front", "size"], ["sizes"], axis=0),
        helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear"),
    ]
    constants = {"zero": np.array([0]), "two": np.array([2]), "size": np.array([9, 8])}
    assert_agrees(model_of(nodes, {"x": X}, constants), rand(4, 3, 5, 7))


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_gradients(mode):
    x = rand(1, 2, 3, 4)
    assert_gradients(resize(scales=whole((1.7, 0.8)), mode=mode, x=x), x)
