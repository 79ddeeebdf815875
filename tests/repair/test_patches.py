"""The rows of a layer, times its weights, are what onnxruntime computes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from cortado.model.layers.prunable import find_layers
from cortado.model.onnx_io import serial
from cortado.repair.fit import Linear
from cortado.repair.regression import find_regression
from cortado.runtime import Runtime
from nets import build, decoded, normal

RNG = np.random.default_rng(0)


def job_of(model):
    """Return the regression of the only layer, or why there is none."""
    (layer,) = find_layers(model).prunable
    return find_regression(layer, {node: place for place, node in enumerate(model.graph)}, ())


def check(model, x, bias):
    """Check that the regression of the only layer gives its output; return the regression."""
    (layer,), job = find_layers(model).prunable, job_of(model)
    y = Runtime().open(serial.encode(model)).run({"x": x})["y"]
    inputs, outputs = job.rows(x, y, 10**6, RNG)
    fixed = np.zeros(outputs.shape[1], np.float32) if bias is None else bias
    np.testing.assert_allclose(Linear(job.matrix(layer.array), fixed)(inputs), outputs, atol=1e-4)
    assert np.array_equal(job.weights(job.matrix(layer.array)), layer.array)
    return job


def conv(x, kernel, groups=1, bias=True, **attributes):
    w = normal(RNG, 2 * groups, x.shape[1] // groups, *kernel)
    weights = {"w": w, **({"b": normal(RNG, len(w))} if bias else {})}
    node = helper.make_node("Conv", ["x", *weights], ["y"], "conv", group=groups, **attributes)
    sizes = {"x": ["N", *x.shape[1:]]}
    outputs = {"y": ["N", len(w), *[None] * len(kernel)]}
    return decoded(build([node], weights, sizes, outputs)), weights.get("b")


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.tuples(*[st.integers(0, 2)] * 4),
    st.sampled_from([1, 2, 4]),
)
@settings(max_examples=40, deadline=None)
def test_convolutions(kernel, strides, dilations, pads, groups):
    x = normal(RNG, 2, 4, 7, 8)
    attributes = {"strides": strides, "dilations": dilations, "pads": pads}
    model, bias = conv(x, kernel, groups, **attributes)
    check(model, x, bias)


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("size", [7, 8])
def test_pads_that_follow_from_sizes(auto_pad, size):
    x = normal(RNG, 2, 3, size, 9)
    model, bias = conv(x, (3, 2), strides=[2, 3], auto_pad=auto_pad)
    check(model, x, bias)


@pytest.mark.parametrize("sizes", [(9,), (5, 6, 4)])
def test_convolutions_over_one_and_three_axes(sizes):
    x = normal(RNG, 2, 2, *sizes)
    model, bias = conv(x, (3,) * len(sizes), bias=False)
    assert check(model, x, bias).bias is None


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, 3.0)])
def test_gemm(transposed, alpha, beta):
    w, b, x = normal(RNG, 5, 3), normal(RNG, 1, 3), normal(RNG, 6, 5)
    w = w.T.copy() if transposed else w
    attributes = {"transB": transposed, "alpha": alpha, "beta": beta}
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], **attributes)
    model = decoded(build([node], {"w": w, "b": b}, {"x": ["N", 5]}))
    assert check(model, x, beta * b[0]).bias == "b"


def test_matmul_with_the_add_behind_it():
    w, b, x = normal(RNG, 5, 3), normal(RNG, 3), normal(RNG, 2, 4, 5)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["b", "h"], ["y"]),
    ]
    model = decoded(build(nodes, {"w": w, "b": b}, {"x": ["N", 4, 5]}, {"y": ["N", 4, 3]}))
    job = check(model, x, b)
    assert (job.bias, job.target) == ("b", "y")


def test_positions_are_drawn_once_each():
    x = normal(RNG, 3, 1, 6, 6)
    model, _ = conv(x, (3, 3), bias=False)
    (layer,), job = find_layers(model).prunable, job_of(model)
    y = Runtime().open(serial.encode(model)).run({"x": x})["y"]
    inputs, outputs = job.rows(x, y, 20, np.random.default_rng(0))
    assert len(inputs) == len(outputs) == len(np.unique(outputs[:, 0])) == 20
    found = Linear(job.matrix(layer.array), np.zeros(2, np.float32))(inputs)
    np.testing.assert_allclose(found, outputs, atol=1e-4)
