"""What the goldens leave out: each formula written out in NumPy."""

import numpy as np
import pytest

from caffe.running import NO_WEIGHTS, apply, caffemodel, one_layer, run
from cortado.caffe import import_caffe, read_caffemodel
from cortado.errors import CortadoError
from cortado.model.layers.prunable import find_layers

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


def test_filter_keeps_as_many_items_as_are_selected():
    text = TWO.replace("dim: 2 dim: 6 }", "dim: 2 }") + (
        'layer { name: "l" type: "Filter" bottom: "data" bottom: "second" top: "l" }'
        'layer { name: "m" type: "Flatten" bottom: "l" top: "m" }'
    )
    model = import_caffe(text, NO_WEIGHTS).model
    assert str(model.graph.outputs[0].shape) == "[l/kept,336]"
    items = np.concatenate([X, -X, 2 * X])
    for selector in ([1, 0, 0, -2, 0.5, 0], [0, 0, 0, 0, 0, 3], [1] * 6):
        selector = np.float32(selector)
        y = run(model, data=items, second=selector)["m"]
        np.testing.assert_array_equal(y, items[selector != 0].reshape(-1, 336))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (
            'type: "Tile" bottom: "l" tile_param { axis: 0 tiles: 2 }',
            "layer 'm' (Tile, line 5): it repeats the batch, "
            "the size of which only a run tells, after a Filter",
        ),
        (
            'type: "Eltwise" bottom: "l" bottom: "data"',
            "layer 'm': its bottoms have numbers of items that may differ in every run",
        ),
    ],
)
def test_what_computes_with_the_number_of_filtered_items_is_refused(layer, reason):
    text = TWO.replace("dim: 2 dim: 6 }", "dim: 2 }") + (
        'layer { name: "l" type: "Filter" bottom: "data" bottom: "second" top: "l" }\n'
        f'layer {{ name: "m" top: "m" {layer} }}'
    )
    with pytest.raises(CortadoError) as error:
        import_caffe(text, NO_WEIGHTS)
    assert str(error.value) == reason


def test_im2col_is_what_a_convolution_multiplies():
    y = apply('type: "Im2col" convolution_param { kernel_size: [3, 2] stride: 2 pad: 1 }', X)
    padded = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 2), axis=(2, 3))[:, :, ::2, ::2]
    expected = windows.transpose(0, 1, 4, 5, 2, 3).reshape(2, 36, 4, 5)
    np.testing.assert_array_equal(y, expected)


def test_the_kernel_of_im2col_is_not_a_prunable_layer():
    text = one_layer('type: "Im2col" convolution_param { kernel_size: 3 }')
    layers = find_layers(import_caffe(text, NO_WEIGHTS).model)
    assert layers.prunable == ()
    assert [layer.reason for layer in layers.skipped] == ["its weight is made by a Tile node"]


def test_arg_max_prefers_the_last_of_equal_values():
    x = np.float32([[1, 3, 3, 0], [2, 2, 2, 2]])
    y = apply('type: "ArgMax" argmax_param { top_k: 3 axis: 1 }', x)
    np.testing.assert_array_equal(y, [[2, 1, 0], [3, 2, 1]])


def test_mvn_adds_eps_to_the_deviation():
    y = apply('type: "MVN" mvn_param { eps: 2 }', X)
    centred = X - X.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt((centred**2).mean(axis=(2, 3), keepdims=True))
    np.testing.assert_allclose(y, centred / (std + 2), atol=1e-6)


def test_batch_norm_by_the_batch():
    settings = "use_global_stats: false eps: 0.1"
    text = one_layer(f'type: "BatchNorm" batch_norm_param {{ {settings} }}', X.shape)
    blobs = [blob(6), np.ones(6), np.float32([1])]
    model = import_caffe(text, read_caffemodel(caffemodel({"l": blobs}))).model
    for items in (X, np.concatenate([X, 3 * X])):
        mean, variance = (f(items, axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.var))
        expected = (items - mean) / np.sqrt(variance + 0.1)
        np.testing.assert_allclose(run(model, data=items)["l"], expected, atol=1e-5)
