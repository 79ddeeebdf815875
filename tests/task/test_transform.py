"""Crops, mirrors and mean images, and that they survive the file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.task.metadata import read_transform, write_transform
from cortado.task.transform import InputTransform, MeanImage
from nets import mlp

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 3, 7, 8)).astype(np.float32)


def test_training_sees_random_windows_and_mirrors():
    transform = InputTransform(0.5, (1.0,), crop=5, mirror=True)
    views = transform.draw(PIXELS, np.random.default_rng(1))
    assert views is not None
    assert len(set(views.top)) > 1
    assert 0 < views.mirrored.sum() < 9
    for i, seen in enumerate(transform(PIXELS, views)):
        window = PIXELS[i, :, views.top[i] : views.top[i] + 5, views.left[i] : views.left[i] + 5]
        window = window[..., ::-1] if views.mirrored[i] else window
        np.testing.assert_array_equal(seen, (window - 1) * np.float32(0.5))


def test_every_window_is_drawn():
    views = InputTransform(crop=6).draw(np.zeros((500, 1, 7, 8)), np.random.default_rng(0))
    assert views is not None
    assert (set(views.top), set(views.left), views.mirrored.any()) == ({0, 1}, {0, 1, 2}, False)


@pytest.mark.parametrize(
    "transform", [InputTransform(0.5, (1.0,)), InputTransform(image=MeanImage.of(PIXELS[0]))]
)
def test_without_crop_or_mirror_nothing_is_drawn(transform):
    assert transform.draw(PIXELS, np.random.default_rng(0)) is None


def test_another_models_windows_are_not_taken():
    views = InputTransform(crop=5).draw(PIXELS, np.random.default_rng(0))
    np.testing.assert_array_equal(
        InputTransform(crop=6)(PIXELS, views), InputTransform(crop=6)(PIXELS)
    )


@pytest.mark.parametrize("height", range(9, 14))
@pytest.mark.parametrize("width", [10, 11, 13])
def test_a_crop_is_rounded_as_torchvision_behind_a_resize_and_as_caffe_without(height, width):
    pixels = np.arange(2 * height * width, dtype=np.float32).reshape(2, 1, height, width)
    top, left = (int(np.rint((size - 8) / 2.0)) for size in (height, width))  # center_crop
    np.testing.assert_array_equal(
        InputTransform(resize=9, crop=8)(pixels), pixels[:, :, top : top + 8, left : left + 8]
    )
    top, left = (height - 8) // 2, (width - 8) // 2  # data_transformer.cpp
    np.testing.assert_array_equal(
        InputTransform(crop=8)(pixels), pixels[:, :, top : top + 8, left : left + 8]
    )


def test_what_does_not_fit_is_refused():
    with pytest.raises(CortadoError, match="sees 9×9 pixels; the images are only 7×8"):
        InputTransform(crop=9)(PIXELS)
    with pytest.raises(CortadoError, match="a mean image of 3×7×7; the images are 3×7×8"):
        InputTransform(image=MeanImage.of(PIXELS[0, :, :, :7]))(PIXELS)


@given(arrays(np.float32, st.tuples(*[st.integers(1, 5)] * 3)))
def test_a_mean_image_survives_the_file_bit_for_bit(mean):
    model = mlp()
    transform = InputTransform(0.1, (), MeanImage.of(mean), 3, True, "bgr")
    write_transform(model, transform)
    assert read_transform(serial.decode(serial.encode(model), "the file")) == transform


def test_a_mean_image_is_stored_compactly():
    rows, columns = np.mgrid[:64, :64]
    smooth = np.float32(120 + 20 * np.sin(rows / 20) + 9 * np.cos(columns / 30))
    model = mlp()
    write_transform(model, InputTransform(image=MeanImage.of(np.stack([smooth] * 3))))
    assert len(model.metadata_props["cortado.input"]) < 0.7 * 4 * 3 * 64 * 64


@pytest.mark.parametrize(
    "stored",
    [
        '{"version":1,"scale":1,"order":"gbr"}',
        '{"version":1,"scale":1,"image":{"shape":[1,2,2],"data":"nonsense"}}',
        '{"version":1,"scale":1,"image":{"shape":[1,2],"data":""}}',
    ],
)
def test_damaged_metadata_is_one_line(stored):
    model = mlp()
    model.metadata_props["cortado.input"] = stored
    with pytest.raises(CortadoError, match=r"metadata cortado\.input is damaged"):
        read_transform(model)
