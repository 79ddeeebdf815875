"""Fillers: their ranges and moments, and that a seed decides everything."""

import numpy as np
import pytest

from cortado.caffe import Fillers, import_caffe
from cortado.caffe.fillers import fill
from cortado.caffe.prototxt import parse_prototxt
from cortado.errors import CortadoError

SHAPE = (50, 40, 5, 5)
FAN_IN, FAN_OUT = 40 * 25, 50 * 25


def filled(text, shape=SHAPE):
    values = fill(parse_prototxt(text), shape, np.random.default_rng(0))
    assert values.shape == shape
    assert values.dtype == np.float32
    return values


def test_constant():
    assert (filled("value: 0.25") == 0.25).all()
    assert (filled("", ()) == 0).all()


def test_uniform():
    values = filled("type: 'uniform' min: -1 max: 3")
    assert -1 <= values.min() < -0.99
    assert 2.99 < values.max() <= 3
    assert values.mean() == pytest.approx(1, abs=0.02)


def test_gaussian():
    values = filled("type: 'gaussian' mean: 2 std: 3")
    assert values.mean() == pytest.approx(2, abs=0.05)
    assert values.std() == pytest.approx(3, rel=0.01)


def test_sparse_gaussian():
    values = filled("type: 'gaussian' sparse: 10")
    assert np.count_nonzero(values) / values.size == pytest.approx(10 / 50, abs=0.01)


@pytest.mark.parametrize(
    ("norm", "n"),
    [("FAN_IN", FAN_IN), ("FAN_OUT", FAN_OUT), ("AVERAGE", (FAN_IN + FAN_OUT) / 2), ("1", FAN_OUT)],
)
def test_fans(norm, n):
    xavier = filled(f"type: 'xavier' variance_norm: {norm}")
    bound = np.sqrt(3 / n)
    assert np.abs(xavier).max() == pytest.approx(bound, rel=1e-3)
    assert xavier.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)
    msra = filled(f"type: 'msra' variance_norm: {norm}")
    assert msra.std() == pytest.approx(np.sqrt(2 / n), rel=0.01)


def test_positive_unitball():
    values = filled("type: 'positive_unitball'")
    assert values.min() >= 0
    np.testing.assert_allclose(values.reshape(50, -1).sum(axis=1), 1, rtol=1e-5)


def test_bilinear():
    line = np.array([0.25, 0.75, 0.75, 0.25])
    values = filled("type: 'bilinear'", (2, 1, 4, 4))
    np.testing.assert_array_equal(values, np.broadcast_to(np.outer(line, line), (2, 1, 4, 4)))
    odd = filled("type: 'bilinear'", (1, 1, 3, 3))[0, 0]
    np.testing.assert_array_equal(odd[1], [0.5, 1, 0.5])


@pytest.mark.parametrize(
    ("text", "shape", "reason"),
    [
        ("type: 'magic'", SHAPE, "prototxt line 1: 'magic' is no type of filler"),
        ("type: 'gaussian' std: -1", SHAPE, "prototxt line 1: a filler's std is -1.0"),
        ("type: 'uniform' min: 2", SHAPE, "prototxt line 1: a filler's min exceeds its max"),
        ("", (2**20, 2**20), "a blob of shape [1048576, 1048576] is too large to fill"),
        (
            "type: 'bilinear'",
            (2, 3),
            "prototxt line 1: a bilinear filler needs a square kernel, not the shape [2, 3]",
        ),
    ],
)
def test_refusals(text, shape, reason):
    with pytest.raises(CortadoError) as error:
        filled(text, shape)
    assert str(error.value) == reason


NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 8 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a"
        inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b"
        inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }
"""


def weights(seed):
    initializers = import_caffe(NET, Fillers(seed)).model.graph.initializers
    return {name: value.const_value.numpy() for name, value in initializers.items()}


def test_the_seed_decides():
    first, again, other = weights(1), weights(1), weights(2)
    for name in ("a.weight", "b.weight"):
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
    assert not np.array_equal(first["a.weight"], first["b.weight"])
    assert not first["a.bias"].any()
