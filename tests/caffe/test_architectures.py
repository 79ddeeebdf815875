"""Whole nets against what Caffe 1.0 computed."""

from pathlib import Path

import numpy as np
import pytest

from caffe.architectures import UPSCALE, WITH_GOLDENS, unit
from caffe.running import run
from cortado.caffe import import_caffe, read_caffemodel

DATA = Path(__file__).parent / "data"


def golden(name):
    """Return the weights, the input, and the outputs by name."""
    arrays = dict(np.load(DATA / f"{name}.npz"))
    return read_caffemodel(arrays.pop("caffemodel").tobytes()), arrays.pop("data"), arrays


@pytest.mark.parametrize("name", WITH_GOLDENS)
def test_net(name):
    weights, x, expected = golden(name)
    results = run(import_caffe(WITH_GOLDENS[name], weights).model, data=x)
    assert sorted(results) == sorted(expected)
    for blob, result in results.items():
        scale = np.abs(expected[blob]).max()
        np.testing.assert_allclose(result, expected[blob], rtol=0, atol=2e-6 * scale)


def test_super_resolution_with_its_crop():
    weights, x, expected = golden("upscale")
    crop = unit(
        "CropCenter", "up", name="out", fields="crop_center_param { crop_size: [0, 0, 3, 2] }"
    )
    result = run(import_caffe(UPSCALE + crop, weights).model, data=x)["out"]
    np.testing.assert_allclose(result, expected["up"][:, :, 3:-3, 2:-2], rtol=0, atol=1e-6)
