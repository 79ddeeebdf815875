"""Layers that map single values, Axpy, and those that move values: against their formulas."""

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffe.running import NO_WEIGHTS, apply, one_layer, run
from cortado.caffe import Fillers, import_caffe
from cortado.errors import CortadoError

X = np.random.default_rng(0).normal(scale=5, size=(2, 6, 7, 8)).astype(np.float32)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ('type: "ReLU6"', X.clip(0, 6)),
        ('type: "HSwish"', X * (X + 3).clip(0, 6) / 6),
        ('type: "HardSwish"', X * (X + 3).clip(0, 6) / 6),
        ('type: "Mish"', X * np.tanh(np.logaddexp(0, X))),
        ('type: "CReLU"', np.concatenate([X, -X], 1).clip(0)),
        (
            'type: "CReLU" crelu_param { concat_axis: -1 negative_slope: 0.5 }',
            np.where((both := np.concatenate([X, -X], 3)) > 0, both, both / 2),
        ),
    ],
)
def test_values(layer, expected):
    np.testing.assert_allclose(apply(layer, X), expected, rtol=1e-5, atol=1e-6)


@given(order=st.permutations(range(4)), given_axes=st.integers(0, 4))
@settings(max_examples=25, deadline=None)
def test_permute_appends_the_axes_that_are_missing(order, given_axes):
    first = order[:given_axes]
    complete = [*first, *sorted(set(range(4)) - set(first))]
    fields = " ".join(f"order: {axis}" for axis in first)
    y = apply(f'type: "Permute" permute_param {{ {fields} }}', X)
    np.testing.assert_array_equal(y, X.transpose(complete))


@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_shuffle_channel(group):
    y = apply(f'type: "ShuffleChannel" shuffle_channel_param {{ group: {group} }}', X)
    columns = 6 // group
    for i, j in np.ndindex(group, columns):  # as the fork's loops have it
        np.testing.assert_array_equal(y[:, j * group + i], X[:, i * columns + j])


def test_crop_center_crops_both_ends():
    y = apply('type: "CropCenter" crop_center_param { crop_size: [0, 1, 2, 3] }', X)
    np.testing.assert_array_equal(y, X[:, 1:-1, 2:-2, 3:-3])


AXPY = """
layer {{ name: "d" type: "Input" top: "a" top: "x" top: "y" input_param {{
  shape {{ {} }}
  shape {{ dim: 2 dim: 6 dim: 7 dim: 8 }} shape {{ dim: 2 dim: 6 dim: 7 dim: 8 }} }} }}
layer {{ name: "l" type: "Axpy" bottom: "a" bottom: "x" bottom: "y" top: "l" }}
"""


@pytest.mark.parametrize("dims", ["dim: 2 dim: 6", "dim: 2 dim: 6 dim: 1 dim: 1"])
def test_axpy(dims):
    model = import_caffe(AXPY.format(dims), NO_WEIGHTS).model
    assert str(model.graph.inputs[1].shape) == "[N,6,7,8]"
    a = X[:, :, 0, 0]
    shaped = a.reshape(2, 6, *[1] * (dims.count("dim") - 2))
    result = run(model, a=shaped, x=X, y=X[::-1])["l"]
    np.testing.assert_allclose(result, a[:, :, None, None] * X + X[::-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        'type: "Permute" permute_param { order: 0 order: 2 order: 3 order: 1 }',
        'type: "ShuffleChannel" shuffle_channel_param { group: 2 }',
        'type: "CropCenter" crop_center_param { crop_size: [0, 0, 2, 2] }',
    ],
)
def test_the_batch_stays_open(layer):
    model = import_caffe(one_layer(layer), NO_WEIGHTS).model
    assert run(model, data=np.concatenate([X, X, X]))["l"].shape[0] == 6


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ('type: "ReLU6" relu6_param { negative_slope: 0.1 }', "negative_slope must be 0"),
        ('type: "Permute" permute_param { order: 4 }', "order [4] does not permute 4 dimensions"),
        ('type: "Permute" permute_param { order: [1, 1] }', "order [1, 1] does not permute"),
        (
            'type: "ShuffleChannel" shuffle_channel_param { group: 4 }',
            "4 groups do not divide 6 channels",
        ),
        (
            'type: "CropCenter" crop_center_param { crop_size: 7 }',
            "it has 1 of crop_size for 4 dimensions",
        ),
        (
            'type: "CropCenter" crop_center_param { crop_size: [0, 3, 0, 0] }',
            "leaves nothing of [2, 6, 7, 8]",
        ),
        ('type: "Axpy" bottom: "data"', "it has 2 bottoms instead of 3"),
        (
            'type: "Axpy" bottom: "data" bottom: "data"',
            "its bottoms have the shapes [2, 6, 7, 8] and [2, 6, 7, 8] and [2, 6, 7, 8]",
        ),
        (
            'type: "Dropout" dropout_param { sample_weights_test: true }',
            "it drops values at random when the net is used",
        ),
    ],
)
def test_refusals(layer, reason):
    with pytest.raises(CortadoError) as error:
        import_caffe(one_layer(layer), Fillers(0))
    assert reason in str(error.value)


def test_the_first_deeplab_dilated_by_a_hole():
    settings = "num_output: 2 kernel_size: 3 bias_term: false"
    models = [
        import_caffe(
            one_layer(f'type: "Convolution" convolution_param {{ {settings} {field} }}'), Fillers(3)
        ).model
        for field in ("hole: 2", "dilation: 2")
    ]
    assert ir.to_proto(models[0]).graph == ir.to_proto(models[1]).graph
