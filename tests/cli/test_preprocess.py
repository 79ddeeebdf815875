"""``cortado import`` stores how pixels become inputs."""

import numpy as np
import onnx
import pytest
from onnx import helper

from cli.program import cortado, done, refused
from cortado.model.onnx_io import serial
from cortado.task.metadata import read_transform
from cortado.task.transform import InputTransform
from nets import build

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8)).astype(np.float32)
IMAGENET = InputTransform(
    1 / 255,
    (0.485 * 255, 0.456 * 255, 0.406 * 255),
    std=(0.229, 0.224, 0.225),
    order="rgb",
    resize=256,
    crop=224,
)


@pytest.fixture
def net(tmp_path):
    """Return a function that writes a net of an input's shape, and returns its path."""

    def write(*shape):
        path = tmp_path / "net.onnx"
        relu = [helper.make_node("Relu", ["x"], ["y"])]
        onnx.save(build(relu, {}, {"x": shape}, {"y": shape}), path)
        return path

    return write


def stored(*command):
    return read_transform(serial.decode(done("import", *command), "the model"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--preprocess imagenet", IMAGENET),
        (
            "--preprocess tf --crop 200",
            InputTransform(1.0, (127.5,), None, 200, False, "rgb", (127.5,)),
        ),
        ("--input-std 2,4,5", InputTransform(std=(2.0, 4.0, 5.0))),
        ("--input-scale 1", InputTransform(1.0)),
        ("--resize 256 --crop 224", InputTransform(resize=256, crop=224)),
        ("--resize 48,-1", InputTransform(size=(48, None))),
        ("--input-mean 104.00698793,117,0.1", InputTransform(mean=(104.00698793, 117.0, 0.1))),
    ],
)
def test_options_are_stored_in_the_model(options, expected, net):
    assert stored(net("N", 3, "h", "w"), *options.split()) == expected


@pytest.mark.parametrize(
    ("options", "low", "high", "mean", "std"),
    [
        ("--input-range 0..1", 0, 1, 0, 1),
        ("--input-range -1..1", -1, 1, 0, 1),
        ("--input-range 0..1 --input-mean 0.5 --input-std 0.5", 0, 1, 0.5, 0.5),
        ("--input-range -1..1 --input-mean 0.1,0.2,0.3", -1, 1, (0.1, 0.2, 0.3), 1),
        ("--preprocess tf --input-range 0..2", 0, 2, 1, 127.5),
        ("--preprocess imagenet --input-mean 0.5 --input-std 0.25", 0, 1, 0.5, 0.25),
    ],
)
def test_mean_and_std_are_in_units_of_the_range(options, low, high, mean, std, net):
    found = stored(net("N", 3, 8, 8), *options.split())
    mapped = low + PIXELS * (high - low) / 255
    expected = (mapped - np.reshape(mean, (-1, 1, 1))) / std
    values = InputTransform(found.scale, found.mean, std=found.std)
    np.testing.assert_allclose(values(PIXELS), expected, atol=1e-5)


def test_options_beside_a_preset_win(net):
    command = [net("N", 3, "h", "w"), "--preprocess", "imagenet", "--channel-order", "bgr"]
    found = stored(*command, "--resize", "300", "--crop", "280", "--input-scale", "0.5")
    assert (found.order, found.resize, found.crop, found.scale) == ("bgr", 300, 280, 0.5)
    assert (found.mean, found.std) == (IMAGENET.mean, IMAGENET.std)


def test_a_resize_of_the_shorter_side_crops_to_a_fixed_input(net):
    assert stored(net("N", 3, 96, 96), "--resize", "128") == InputTransform(resize=128, crop=96)


def test_the_line_is_remembered_as_it_can_be_repeated(net):
    options = ["--input-range", "-1..1", "--resize", "48,-1", "--preprocess", "tf"]
    found = onnx.load_from_string(done("import", net("N", 3, None, None), *options))
    (history,) = [p.value for p in found.metadata_props if p.key == "cortado.history"]
    assert "import --preprocess tf --input-range -1..1 --resize 48,-1" in history


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--input-range 0..1 --input-scale 2", "--input-range takes the place of --input-scale"),
        ("--input-range 0..1 --input-mean m.binaryproto", "a mean image is in pixels"),
        ("--input-range 1..0", "'1..0' is no range such as 0..1"),
        ("--input-range 1", "'1' is no range such as 0..1"),
        ("--input-std 1,0,1", "has a number that is not above 0"),
        ("--resize 48,-2", "'48,-2' is neither a size such as 256 nor 48,-1"),
        ("--resize -1,-1", "'-1,-1' is neither a size"),
        ("--resize 200 --crop 224", "--crop 224 is larger than --resize 200"),
        ("--resize 100 --preprocess imagenet", "--resize 100 is smaller than the crop of 224"),
        ("--preprocess torch", "'torch' is not one of 'imagenet', 'caffe', 'tf'"),
    ],
)
def test_options_that_make_no_sense_are_one_line(options, words, net, old):
    found = cortado("import", net("N", 3, "h", "w"), *options.split(), "-o", old)
    assert refused(found, 2, "import", words)


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((1, 3, 96, 96), "--crop 64", "--crop 64: the model takes 96×96 pixels"),
        ((1, 48, 96, 3), "--resize 64", "--resize 64: the model takes 48×96 pixels, and a crop"),
        ((1, 3, 48, 96), "--resize 48,-1", "--resize 48,-1: the model takes 48×96 pixels"),
    ],
)
def test_sizes_that_do_not_fit_the_input_are_refused(shape, options, words, net, old):
    found = cortado("import", net(*shape), *options.split(), "-o", old)
    assert refused(found, 2, "import", words)
