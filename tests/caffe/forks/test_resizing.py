"""Interp and Upsample: against PyTorch, and against loops; what is ambiguous is refused."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate, max_pool2d, max_unpool2d

from caffe.running import NO_WEIGHTS, apply, one_layer, run
from cortado.caffe import Fillers, import_caffe
from cortado.errors import CortadoError

X = np.random.default_rng(0).normal(size=(2, 3, 9, 11)).astype(np.float32)


def linear(x, height, width):
    size = (height, width)
    return interpolate(torch.from_numpy(x), size, mode="bilinear", align_corners=True).numpy()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("height: 20 width: 33", linear(X, 20, 33)),
        ("height: 5 width: 11", linear(X, 5, 11)),
        ("height: 1 width: 1", X[:, :, :1, :1]),
        ("height: 9 width: 11", X),
        ("zoom_factor: 8", linear(X, 65, 81)),  # n + (n - 1)(z - 1), not n·z
        ("shrink_factor: 2", linear(X, 5, 6)),
        ("shrink_factor: 2 zoom_factor: 3", linear(X, 13, 16)),
        (
            "pad_beg: -1 pad_end: -2 height: 12 width: 16",
            linear(X[:, :, 1:-2, 1:-2].copy(), 12, 16),
        ),
        ("pad_beg: 0 pad_end: -1 zoom_factor: 2", linear(X[:, :, :-1, :-1].copy(), 15, 19)),
    ],
)
def test_interp(fields, expected):
    y = apply(f'type: "Interp" interp_param {{ {fields} }}', X)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def two_inputs(layer, first, second):
    shapes = " ".join(
        f"shape {{ {' '.join(f'dim: {n}' for n in shape)} }}" for shape in (first, second)
    )
    return (
        f'layer {{ name: "d" type: "Input" top: "a" top: "b" input_param {{ {shapes} }} }}'
        f'layer {{ name: "l" bottom: "a" bottom: "b" top: "l" {layer} }}'
    )


def test_interp_to_the_size_of_a_second_bottom():
    other = np.zeros((2, 1, 18, 20), np.float32)
    model = import_caffe(two_inputs('type: "Interp"', X.shape, other.shape), NO_WEIGHTS).model
    np.testing.assert_allclose(run(model, a=X, b=other)["l"], linear(X, 18, 20), atol=1e-5)


@pytest.mark.parametrize("field", ["scale", "upsample_ratio"])
def test_upsample_repeats_each_pixel(field):
    y = apply(f'type: "Upsample" upsample_param {{ {field}: 3 }}', X)
    np.testing.assert_array_equal(y, X.repeat(3, 2).repeat(3, 3))


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ("upsample_h: 9 upsample_w: 11", (9, 11)),
        ("scale: 2", (10, 12)),
        ("", (10, 12)),
        ("scale: 2 pad_out_h: true pad_out_w: true", (9, 11)),
        ("scale_h: 3 scale_w: 2", (15, 12)),
    ],
)
def test_upsample_by_a_mask(fields, size):
    padded = np.pad(X, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
    y, index = max_pool2d(torch.from_numpy(padded[:, :, :10, :12]), 2, return_indices=True)
    index = index.clamp(max=size[0] * size[1] - 1)
    y[1] *= -1
    text = two_inputs(f'type: "Upsample" upsample_param {{ {fields} }}', y.shape, y.shape)
    model = import_caffe(text, NO_WEIGHTS).model
    assert str(model.graph.outputs[0].shape) == f"[N,3,{size[0]},{size[1]}]"
    result = run(model, a=y.numpy(), b=index.numpy().astype(np.float32))["l"]
    expected = max_unpool2d(y, index, 2, output_size=size) if size in ((9, 11), (10, 12)) else None
    if expected is None:
        expected = torch.zeros(2, 3, size[0] * size[1])
        expected.scatter_(2, index.reshape(2, 3, -1), y.reshape(2, 3, -1))
        expected = expected.reshape(2, 3, *size)
    np.testing.assert_array_equal(result, expected.numpy())


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ('type: "Interp"', "its size is neither height and width nor shrink and zoom; it reads"),
        ('type: "Interp" interp_param { height: 5 }', "its size is neither height and width"),
        (
            'type: "Interp" interp_param { height: 5 width: 5 zoom_factor: 2 }',
            "its size is neither height and width",
        ),
        ('type: "Interp" interp_param { pad_beg: 1 zoom_factor: 2 }', "they crop"),
        ('type: "Interp" interp_param { pad_end: -9 zoom_factor: 2 }', "its pads leave nothing"),
        ('type: "Interp" interp_param { height: 0 width: 2 }', "height must be an integer"),
        (
            'type: "Interp" bottom: "data" interp_param { zoom_factor: 2 }',
            "a second bottom is of images, and all that says its size",
        ),
        (
            'type: "Interp" bottom: "data" bottom: "data"',
            "a second bottom is of images, and all that says its size",
        ),
        (
            'type: "Upsample" bottom: "data" upsample_param { upsample_h: 20 }',
            "it needs upsample_h and upsample_w, or scale, or scale_h and scale_w",
        ),
        ('type: "Upsample"', "1 bottoms and the fields none do not say which of the layers"),
        (
            'type: "Upsample" upsample_param { scale: 2 stride: 2 }',
            "1 bottoms and the fields scale, stride do not say which of the layers",
        ),
        ('type: "Upsample" upsample_param { scale: 1.5 }', "scale must be an integer"),
        (
            'type: "Upsample" bottom: "data" upsample_param { scale: 2 scale_h: 2 scale_w: 2 }',
            "it needs upsample_h and upsample_w, or scale, or scale_h and scale_w",
        ),
        (
            'type: "Upsample" bottom: "data" upsample_param { scale: 3 pad_out_h: true }',
            "pad_out_h goes with a scale of 2 only",
        ),
    ],
)
def test_refusals(layer, reason):
    with pytest.raises(CortadoError) as error:
        import_caffe(one_layer(layer), Fillers(0))
    assert reason in str(error.value)


def test_the_last_of_several_values_for_one_place_is_left():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 5, 6)).astype(np.float32)
    mask = rng.integers(0, 40, x.shape)  # as of a Pooling whose windows overlap
    text = two_inputs('type: "Upsample" upsample_param { scale: 2 }', x.shape, x.shape)
    model = import_caffe(text, NO_WEIGHTS).model
    expected = np.zeros((2, 3, 120), np.float32)
    for n, c, h, w in np.ndindex(*x.shape):
        expected[n, c, mask[n, c, h, w]] = x[n, c, h, w]
    result = run(model, a=x, b=mask.astype(np.float32))["l"]
    np.testing.assert_array_equal(result, expected.reshape(2, 3, 10, 12))
