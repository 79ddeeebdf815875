"""Normalize and BN against their formulas; what forks disagree on is refused."""

import numpy as np
import pytest

from caffe.running import NO_WEIGHTS, apply, caffemodel, one_layer, run
from cortado.caffe import Fillers, import_caffe, read_caffemodel
from cortado.errors import CortadoError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 7, 8)).astype(np.float32)


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_normalize(across, shared):
    scale = np.float32(20) if shared else RNG.normal(size=6).astype(np.float32)
    fields = (
        f"across_spatial: {str(across).lower()} channel_shared: {str(shared).lower()} eps: 0.25"
    )
    y = apply(f'type: "Normalize" norm_param {{ {fields} }}', X, scale)
    norm = np.sqrt((X**2).sum(axis=(1, 2, 3) if across else 1, keepdims=True) + 0.25)
    np.testing.assert_allclose(y, X / norm * scale.reshape(-1, 1, 1), rtol=1e-5)


def test_normalize_by_default_sums_over_the_whole_item_and_shares_its_scale():
    y = apply('type: "Normalize"', X, np.float32(2))
    norm = np.sqrt((X**2).sum(axis=(1, 2, 3), keepdims=True))
    np.testing.assert_allclose(y, X / norm * 2, rtol=1e-5)


def test_bn_with_statistics():
    slope, bias, mean = (RNG.normal(size=(1, 6)).astype(np.float32) for _ in range(3))
    variance = RNG.random((1, 6)).astype(np.float32)
    y = apply('type: "BN" bn_param { eps: 0.01 frozen: true }', X, slope, bias, mean, variance)
    parts = [part.reshape(6, 1, 1) for part in (slope, bias, mean, variance)]
    expected = (X - parts[2]) / np.sqrt(parts[3] + 0.01) * parts[0] + parts[1]
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_bn_of_segnet():
    scale, shift = (RNG.normal(size=(1, 6, 1, 1)).astype(np.float32) for _ in range(2))
    y = apply('type: "BN" bn_param { bn_mode: INFERENCE }', X, scale, shift)
    np.testing.assert_allclose(y, X * scale + shift, rtol=1e-5, atol=1e-6)


FOUR = [np.ones((1, 6), np.float32)] * 4


@pytest.mark.parametrize(
    ("layer", "blobs", "reason"),
    [
        ('type: "Normalize"', [], "it is not SSD's Normalize, and forks disagree"),
        ('type: "Normalize" norm_param { scale: 20 }', FOUR[:1], "it is not SSD's Normalize"),
        ('type: "Normalize" normalize_param { axis: 1 }', FOUR[:1], "it is not SSD's Normalize"),
        ('type: "BN"', FOUR[:2], "a BN has four blobs"),
        ('type: "BN" bn_param { bn_mode: INFERENCE }', FOUR, "a BN has four blobs"),
        ('type: "BN"', [*FOUR[:3], np.ones(1)], "not all its blobs have a value for each of 6"),
        ('type: "BN"', [f.reshape(1, 6, 1, 1) for f in FOUR], "its scale has the shape [1, 6] in"),
        ('type: "BN" bn_param { use_global_stats: false }', FOUR, "the statistics of the batch"),
    ],
)
def test_what_forks_disagree_on_is_refused(layer, blobs, reason):
    weights = read_caffemodel(caffemodel({"l": blobs})) if blobs else empty()
    with pytest.raises(CortadoError) as error:
        import_caffe(one_layer(layer), weights)
    assert reason in str(error.value)


def empty():
    """Return weights that have the layer `l`, without blobs."""
    return read_caffemodel(caffemodel({"l": []}))


def test_bn_of_segnet_is_filled_as_the_prototxt_says():
    fillers = "scale_filler { value: 3 } shift_filler { value: 0.5 }"
    text = one_layer(f'type: "BN" bn_param {{ bn_mode: INFERENCE {fillers} }}')
    result = run(import_caffe(text, Fillers(0)).model, data=X)["l"]
    np.testing.assert_allclose(result, 3 * X + 0.5, rtol=1e-5)


def test_fillers_make_both_the_identity_or_what_they_say():
    layer = 'type: "Normalize" norm_param { scale_filler { value: 20 } }'
    model = import_caffe(one_layer(layer), Fillers(0)).model
    assert model.graph.initializers["l.weight"].const_value.numpy() == 20
    with pytest.raises(CortadoError, match="the weights do not have it"):
        import_caffe(one_layer(layer), NO_WEIGHTS)
