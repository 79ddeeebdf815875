"""What the model remembers: the input transform, history."""

import json

import numpy as np
import pytest

from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.task.metadata import (
    add_history,
    read_history,
    read_transform,
    write_transform,
)
from cortado.task.transform import InputTransform
from nets import mlp

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5)).astype(np.float32)
READERS = {"input": read_transform, "history": read_history}


def caffes_rule(pixels, scale, mean):
    """Transform pixel by pixel, as in data_transformer.cpp: (datum_element − mean[c]) · scale."""
    result = np.empty_like(pixels)
    for n, c, y, x in np.ndindex(pixels.shape):
        result[n, c, y, x] = (pixels[n, c, y, x] - np.float32(mean[c])) * np.float32(scale)
    return result


@pytest.mark.parametrize(
    ("scale", "mean"),
    [(1 / 256, ()), (0.017, (104.0, 117.0, 123.5)), (1.0, (33.3,)), (0.1, (127.5,))],
)
def test_the_transform_is_caffes(scale, mean):
    per_channel = mean * 3 if len(mean) == 1 else mean or (0, 0, 0)
    expected = caffes_rule(PIXELS, scale, per_channel)
    result = InputTransform(scale, mean)(PIXELS)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("std", [(0.229, 0.224, 0.225), (58.395,)])
def test_the_standard_deviation_divides_what_the_scale_gave(std):
    mean, scale = (123.675, 116.28, 103.53), np.float32(1 / 255)
    expected = np.empty_like(PIXELS)
    for n, c, y, x in np.ndindex(PIXELS.shape):
        value = (PIXELS[n, c, y, x] - np.float32(mean[c])) * scale
        expected[n, c, y, x] = value / np.float32(std[c % len(std)])
    result = InputTransform(1 / 255, mean, std=std)(PIXELS)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, expected)


def test_a_standard_deviation_of_other_channels_is_refused():
    with pytest.raises(CortadoError, match="standard deviation of 2 channels; the images have 3"):
        InputTransform(std=(1.0, 2.0))(PIXELS)


def test_a_mean_of_other_channels_is_refused():
    with pytest.raises(CortadoError, match="a mean of 2 channels; the images have 3"):
        InputTransform(1.0, (1.0, 2.0))(PIXELS)


def test_features_take_one_mean():
    np.testing.assert_array_equal(InputTransform(2.0, (1.0,))(np.ones((3, 7))), np.zeros((3, 7)))


def test_everything_survives_the_file():
    model = mlp()
    transform = InputTransform(1 / 255, (104.00698793, 117.0, 0.1))
    write_transform(model, transform)
    add_history(model, "import deploy.prototxt")
    add_history(model, 'prune --sparsity "fc*=0.9" ü')
    returned = serial.decode(serial.encode(model), "the file")
    assert read_transform(returned) == transform
    assert read_history(returned) == ("import deploy.prototxt", 'prune --sparsity "fc*=0.9" ü')


@pytest.mark.parametrize(
    "transform",
    [
        InputTransform(1 / 255, (1.0,), std=(0.5,), order="rgb", resize=256, crop=224),
        InputTransform(1.0, size=(48, None)),
        InputTransform(std=(127.5,)),
        InputTransform(order="bgr"),
    ],
)
def test_newer_transforms_survive_the_file_and_older_programs_refuse_them(transform):
    model = mlp()
    write_transform(model, transform)
    assert json.loads(model.metadata_props["cortado.input"])["version"] == 2
    assert read_transform(serial.decode(serial.encode(model), "the file")) == transform


def test_files_of_the_first_version_are_read_and_still_written():
    model = mlp()
    text = '{"version":1,"scale":0.5,"mean":[1.0],"crop":4,"mirror":true,"order":"bgr"}'
    model.metadata_props["cortado.input"] = text
    transform = read_transform(model)
    assert transform == InputTransform(0.5, (1.0,), crop=4, mirror=True, order="bgr")
    write_transform(model, transform)
    assert model.metadata_props["cortado.input"] == text


@pytest.mark.parametrize(
    ("transform", "is_unknown"),
    [
        (None, True),
        (InputTransform(order="rgb", crop=3), True),
        (InputTransform(1.0), False),
        (InputTransform(mean=(127.5,)), False),
        (InputTransform(std=(127.5,)), False),
    ],
)
def test_a_transform_is_known_where_something_says_how_large_inputs_are(transform, is_unknown):
    model = mlp()
    if transform is not None:
        write_transform(model, transform)
    assert read_transform(model).is_unknown == is_unknown


def test_a_model_without_metadata_has_the_identity_and_no_history():
    assert read_transform(mlp()) == InputTransform(None, ())
    assert read_history(mlp()) == ()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("input", "{"),
        ("input", "[]"),
        ("input", "{}"),
        ("input", '{"version": 1}'),
        ("input", '{"version": 1, "scale": "big", "mean": []}'),
        ("input", '{"version": 1, "scale": 1, "mean": 3}'),
        ("input", '{"version": 2, "std": [0]}'),
        ("input", '{"version": 2, "resize": -1}'),
        ("input", '{"version": 2, "crop": Infinity}'),
        ("input", '{"version": 1, "scale": NaN}'),
        ("input", '{"version": 1, "scale": 1, "mean": [1, Infinity]}'),
        ("input", '{"version": 1, "scale": 1' + "0" * 400 + "}"),
        ("input", '{"version": 2, "resize": 2, "size": [2, 2]}'),
        ("input", '{"version": 2, "size": [2]}'),
        ("history", '{"version": 1, "steps": null}'),
    ],
)
def test_damaged_metadata_is_refused_by_its_name(key, text):
    model = mlp()
    model.metadata_props[f"cortado.{key}"] = text
    with pytest.raises(CortadoError, match=f"the model's metadata cortado.{key} is damaged"):
        READERS[key](model)


@pytest.mark.parametrize("key", READERS)
def test_metadata_of_a_newer_version_is_refused(key):
    model = mlp()
    model.metadata_props[f"cortado.{key}"] = '{"version": 3}'
    with pytest.raises(CortadoError, match=f"cortado.{key} is of a newer version"):
        READERS[key](model)
