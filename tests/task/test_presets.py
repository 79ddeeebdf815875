"""Presets give what their frameworks give, and crops that fit the input."""

import numpy as np
import pytest
from onnx import helper

from cortado.task.presets import PRESETS, apply_preset, find_plane
from cortado.task.transform import InputTransform
from cortado_cli.transform import PRESET_NAMES
from nets import build, decoded, mlp

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5)).astype(np.float32)


def channels(*values):
    return np.array(values, np.float32).reshape(3, 1, 1)


def plane_of(*shape):
    return find_plane(decoded(build([helper.make_node("Relu", ["x"], ["y"])], {}, {"x": shape})))


def test_imagenet_is_torchvisions():
    to_tensor = PIXELS / np.float32(255)
    normalized = (to_tensor - channels(0.485, 0.456, 0.406)) / channels(0.229, 0.224, 0.225)
    found = PRESETS["imagenet"]
    assert (found.order, found.resize, found.crop) == ("rgb", 256, 224)
    without_crop = InputTransform(found.scale, found.mean, std=found.std)
    np.testing.assert_allclose(without_crop(PIXELS), normalized, atol=1e-6)


def test_caffe_subtracts_the_mean_of_bgr():
    mean = channels(104.00698793, 116.66876762, 122.67891434)
    np.testing.assert_array_equal(PRESETS["caffe"](PIXELS), PIXELS - mean)
    assert PRESETS["caffe"].order == "bgr"


def test_tf_is_minus_one_to_one_to_the_bit():
    expected = (PIXELS - np.float32(127.5)) / np.float32(127.5)
    np.testing.assert_array_equal(PRESETS["tf"](PIXELS), expected)
    assert PRESETS["tf"].order == "rgb"


def test_the_command_line_names_all_presets():
    assert list(PRESET_NAMES) == list(PRESETS)


@pytest.mark.parametrize(
    ("shape", "resize", "crop"),
    [
        (("N", 3, None, None), 256, 224),
        (("N", 3, 224, 224), 256, 224),
        (("N", 240, 240, 3), 256, 240),
        (("N", 3, 384, 384), 439, 384),  # 384 · 256 / 224
        (("N", 3, 240, 320), 0, 0),
    ],
)
def test_the_crop_of_imagenet_is_as_large_as_the_input(shape, resize, crop):
    found = apply_preset("imagenet", InputTransform(0.5, (1.0,), mirror=True), plane_of(*shape))
    assert (found.resize, found.crop, found.mirror, found.scale) == (resize, crop, True, 1 / 255)


def test_a_preset_without_a_crop_leaves_that_of_the_net():
    net = InputTransform(0.5, (1.0,), crop=227, mirror=True)
    found = apply_preset("caffe", net, plane_of("N", 3, 227, 227))
    assert (found.crop, found.mirror, found.scale, len(found.mean)) == (227, True, 1.0, 3)


def test_the_plane_is_that_of_the_only_input_of_four_axes():
    assert plane_of("N", 3, 48, None) == (3, 48, None)
    assert plane_of("N", None, None, 3) == (3, None, None)
    assert find_plane(mlp()) is None
    inputs = {"a": ["N", 3, 4, 4], "b": ["N", 3, 4, 4]}
    add = helper.make_node("Add", ["a", "b"], ["y"])
    assert find_plane(decoded(build([add], {}, inputs))) is None
