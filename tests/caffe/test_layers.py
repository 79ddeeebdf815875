"""What the goldens leave out: each formula written out in NumPy, and what layers refuse."""

import numpy as np
import pytest

from caffe.running import NO_WEIGHTS, apply, caffemodel, one_layer, run
from cortado.caffe import Fillers, import_caffe, read_caffemodel
from cortado.errors import CortadoError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 7, 8)).astype(np.float32)


def blob(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def convolved(x, w, stride, pad, dilation, group):
    """Convolve by the definition, one output value at a time; stride, … are (height, width)."""
    x = np.pad(x, ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    out = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, stride, strict=True)]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    per_in, per_out = x.shape[1] // group, w.shape[0] // group
    for o, i, j in np.ndindex(w.shape[0], *out):
        g, top, left = o // per_out, i * stride[0], j * stride[1]
        rows = slice(top, top + reach[0], dilation[0])
        columns = slice(left, left + reach[1], dilation[1])
        patch = x[:, g * per_in : (g + 1) * per_in, rows, columns]
        y[:, o, i, j] = (patch * w[o]).sum(axis=(1, 2, 3))
    return y


def test_grouped_dilated_rectangular_convolution():
    w, b = blob(4, 3, 3, 2), blob(4)
    settings = (
        "num_output: 4 group: 2 kernel_h: 3 kernel_w: 2 stride: [2, 1] "
        "pad_h: 2 pad_w: 1 dilation: 2"
    )
    y = apply(f'type: "Convolution" convolution_param {{ {settings} }}', X, w, b)
    expected = convolved(X, w, (2, 1), (2, 1), (2, 2), 2) + b[:, None, None]
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_deconvolution_is_the_transpose_of_a_convolution():
    w, u = blob(6, 2, 3, 3), blob(2, 4, 15, 17)  # w: 6 inputs, 2 groups of 2 outputs
    settings = "num_output: 4 group: 2 kernel_size: 3 stride: 2 bias_term: false"
    y = apply(f'type: "Deconvolution" convolution_param {{ {settings} }}', X, w)
    # <conv(u), x> = <u, deconv(x)>, with the convolution from 4 channels to 6
    forward = convolved(u, w, (2, 2), (0, 0), (1, 1), 2)
    assert float((forward * X).sum()) == pytest.approx(float((u * y).sum()), rel=1e-4)


@pytest.mark.parametrize("group", ["", "group: 6"])
def test_depthwise(group):
    w = blob(6, 1, 3, 3)
    settings = f"num_output: 6 kernel_size: 3 bias_term: false {group}"
    y = apply(f'type: "DepthwiseConvolution" convolution_param {{ {settings} }}', X, w)
    np.testing.assert_allclose(y, convolved(X, w, (1, 1), (0, 0), (1, 1), 6), atol=1e-5)


def test_masks_are_applied():
    w, b = blob(5, 336), blob(5)
    masks = (RNG.random((5, 336)) < 0.1).astype(np.float32), np.ones(5, np.float32)
    text = one_layer('type: "CInnerProduct" inner_product_param { num_output: 5 }', X.shape)
    imported = import_caffe(text, read_caffemodel(caffemodel({"l": [w, b, *masks]})))
    expected = X.reshape(2, -1) @ (w * masks[0]).T + b
    np.testing.assert_allclose(run(imported.model, data=X)["l"], expected, atol=1e-4)
    kept = np.count_nonzero(masks[0])
    assert imported.notes == (
        f"layer 'l' (CInnerProduct): its mask is applied: {kept} of 1680 weights are left",
    )


@pytest.mark.parametrize("transpose", [False, True])
def test_inner_product_along_later_axes(transpose):
    w, b = blob(5, 56), blob(5)
    settings = f"num_output: 5 axis: -2 transpose: {str(transpose).lower()}"
    stored = w.T.copy() if transpose else w
    y = apply(f'type: "InnerProduct" inner_product_param {{ {settings} }}', X, stored, b)
    np.testing.assert_allclose(y, X.reshape(2, 6, 56) @ w.T + b, atol=1e-4)


def test_lrn_within_a_channel_ignores_k():
    settings = "local_size: 3 alpha: 2 beta: 0.5 k: 7 norm_region: WITHIN_CHANNEL"
    y = apply(f'type: "LRN" lrn_param {{ {settings} }}', X)
    padded = np.pad(X**2, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    np.testing.assert_allclose(y, X / np.sqrt(1 + 2 * windows.mean(axis=(4, 5))), atol=1e-6)


def test_batch_norm_of_nvidia():
    mean, gamma, beta = blob(6), blob(6), blob(6)
    variance = RNG.random(6).astype(np.float32)
    y = apply('type: "BatchNorm"', X, mean, variance, np.float32([2]), gamma, beta)
    parts = [part[:, None, None] for part in (mean / 2, variance / 2, gamma, beta)]
    expected = (X - parts[0]) / np.sqrt(parts[1] + 1e-5) * parts[2] + parts[3]
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_batch_norm_with_factor_0():
    y = apply('type: "BatchNorm"', X, blob(6), np.ones(6), np.float32([0]))
    np.testing.assert_allclose(y, X / np.sqrt(1e-5), rtol=1e-5)


def test_shared_prelu_and_prelu_of_vectors():
    leaky = np.maximum(X, 0) + np.float32(0.3) * np.minimum(X, 0)
    y = apply('type: "PReLU" prelu_param { channel_shared: true }', X, np.float32(0.3))
    np.testing.assert_allclose(y, leaky, atol=1e-6)
    vectors, slope = X[0, 0], blob(8)
    y = apply('type: "PReLU"', vectors, slope)
    np.testing.assert_allclose(
        y, np.maximum(vectors, 0) + slope * np.minimum(vectors, 0), atol=1e-6
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("power: 0", np.ones_like(X)),
        ("scale: 0 shift: 3 power: 2", np.full_like(X, 9)),
        ("scale: -1", -X),
        ("shift: 2", X + 2),
        ("", X),
        ("power: 3 scale: 2 shift: 1", (1 + 2 * X) ** 3),
    ],
)
def test_power(settings, expected):
    y = apply(f'type: "Power" power_param {{ {settings} }}', X)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def test_dropout_of_forks():
    y = apply('type: "Dropout" dropout_param { dropout_ratio: 0.25 scale_train: false }', X)
    np.testing.assert_allclose(y, 0.75 * X, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ("shape { dim: 0 dim: -1 }", (2, 336)),
        ("shape { dim: -1 dim: 3 dim: 112 }", (2, 3, 112)),
        ("axis: 1 shape { dim: 2 dim: 3 }  num_axes: 1", (2, 2, 3, 7, 8)),
        ("axis: -1 shape { dim: 1 dim: 1 }", (2, 6, 7, 8, 1, 1)),
        ("axis: 1 num_axes: 0 shape { dim: 1 }", (2, 1, 6, 7, 8)),
        ("axis: 2 shape { dim: -1 dim: 0 }", (2, 6, 7, 8)),
        ("shape { dim: 4 dim: -1 }", (4, 168)),
    ],
)
def test_reshape(settings, shape):
    y = apply(f'type: "Reshape" reshape_param {{ {settings} }}', X)
    np.testing.assert_array_equal(y, X.reshape(shape))


@pytest.mark.parametrize(
    ("settings", "shape"),
    [("axis: 0", (672,)), ("axis: 1 end_axis: 2", (2, 42, 8)), ("axis: -2", (2, 6, 56))],
)
def test_flatten(settings, shape):
    y = apply(f'type: "Flatten" flatten_param {{ {settings} }}', X)
    np.testing.assert_array_equal(y, X.reshape(shape))


TWO = """
layer { name: "data" type: "Input" top: "data" top: "second"
        input_param { shape { dim: 2 dim: 6 dim: 7 dim: 8 } shape { dim: 2 dim: 6 } } }
"""


def test_scale_by_a_second_bottom():
    text = TWO + (
        'layer { name: "l" type: "Scale" bottom: "data" bottom: "second" top: "l" '
        "scale_param { axis: 0 bias_term: true } }"
    )
    second, bias = blob(2, 6), blob(2, 6)
    weights = read_caffemodel(caffemodel({"l": [bias]}))
    y = run(import_caffe(text, weights).model, data=X, second=second)["l"]
    expected = X * second[:, :, None, None] + bias[:, :, None, None]
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_bias_by_a_second_bottom():
    text = TWO + (
        'layer { name: "l" type: "Bias" bottom: "data" bottom: "second" top: "l" '
        "bias_param { axis: 0 } }"
    )
    second = blob(2, 6)
    model = import_caffe(text, NO_WEIGHTS).model
    assert str(model.graph.inputs[0].shape) == "[N,6,7,8]"
    y = run(model, data=X, second=second)["l"]
    np.testing.assert_allclose(y, X + second[:, :, None, None], atol=1e-6)


def test_eltwise_coefficients():
    text = one_layer('type: "Eltwise" bottom: "data" eltwise_param { coeff: [1, -0.5] }')
    y = run(import_caffe(text, NO_WEIGHTS).model, data=X)["l"]
    np.testing.assert_allclose(y, 0.5 * X, atol=1e-6)


def test_slice_at_points():
    text = one_layer('type: "Slice" top: "m" top: "n" slice_param { slice_point: [1, 3] }')
    y = run(import_caffe(text, NO_WEIGHTS).model, data=X)
    np.testing.assert_array_equal(y["l"], X[:, :1])
    np.testing.assert_array_equal(y["m"], X[:, 1:3])
    np.testing.assert_array_equal(y["n"], X[:, 3:])


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ('type: "Wonder"', "layers of type 'Wonder' cannot be converted"),
        ('type: "ReLU" bottom: "data"', "it has 2 bottoms instead of one"),
        ('type: "ReLU" top: "m"', "it has 2 tops instead of 1"),
        ('type: "Pooling"', "it has no kernel_size"),
        (
            'type: "Pooling" pooling_param { kernel_size: 2 pad: 2 }',
            "its pad [2, 2] is not less than its kernel [2, 2]",
        ),
        (
            'type: "Pooling" pooling_param { kernel_size: 9 }',
            "its kernel is larger than its bottom, [2, 6, 7, 8]",
        ),
        (
            'type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 }',
            "stochastic pooling cannot be converted",
        ),
        (
            'type: "Pooling" pooling_param { kernel_size: 2 kernel_h: 2 kernel_w: 2 }',
            "kernel_h and kernel_w go together, without kernel_size",
        ),
        (
            'type: "Pooling" pooling_param { global_pooling: true kernel_size: 2 }',
            "global_pooling and a kernel exclude each other",
        ),
        ('type: "LRN" lrn_param { local_size: 4 }', "its local_size 4 is even"),
        (
            'type: "LRN" lrn_param { alpha: 0 }',
            "its alpha 0.0 and beta 0.75 are not both positive",
        ),
        ('type: "Convolution" convolution_param { num_output: 2 }', "it has no kernel_size"),
        ('type: "Convolution" convolution_param { kernel_size: 3 }', "it has no num_output"),
        (
            'type: "Convolution" convolution_param { num_output: 4 group: 4 kernel_size: 3 }',
            "4 groups do not divide 6 channels and 4 outputs",
        ),
        (
            'type: "Convolution" convolution_param { num_output: 2 kernel_size: [1, 2, 3] }',
            "kernel_size is given 3 times for 2 spatial axes",
        ),
        (
            'type: "Convolution" convolution_param { num_output: 2 kernel_size: 9 }',
            "its window does not fit its bottom, [2, 6, 7, 8]",
        ),
        ('type: "InnerProduct"', "it has no num_output"),
        (
            'type: "Softmax" softmax_param { axis: 4 }',
            "axis 4 does not exist in a blob of 4 dimensions",
        ),
        (
            'type: "Reshape" reshape_param { shape { dim: 5 dim: -1 } }',
            "[2, 6, 7, 8] cannot be reshaped to [5, -1]",
        ),
        (
            'type: "Reshape" reshape_param { shape { dim: -1 dim: -1 } }',
            "its shape has more than one -1",
        ),
        ('type: "Slice" top: "m" top: "n" top: "o"', "6 cannot be cut into 4 equal parts"),
        (
            'type: "Slice" top: "m" slice_param { slice_point: 7 }',
            "slice_point [7] does not cut 6 into parts",
        ),
        ('type: "Eltwise"', "it has 1 bottoms; it needs at least 2"),
        (
            'type: "Eltwise" bottom: "data" eltwise_param { operation: PROD coeff: [1, 2] }',
            "coeff is for SUM only, one for each bottom",
        ),
        (
            'type: "Scale" scale_param { axis: 3 num_axes: 2 }',
            "2 axes from 3 on are more than [2, 6, 7, 8] has",
        ),
    ],
)
def test_refusals(layer, reason):
    with pytest.raises(CortadoError) as error:
        import_caffe(one_layer(layer), Fillers(0))
    kind = layer.split('"')[1]
    assert str(error.value) == f"layer 'l' ({kind}, line 2): {reason}"
