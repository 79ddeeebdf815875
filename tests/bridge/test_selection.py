"""Picking and putting elements, against onnxruntime."""

import numpy as np
import pytest
from onnx import helper

from bridge.agreement import assert_agrees, assert_gradients, model_of, one_node, rand

X = rand(3, 4, 5)
RNG = np.random.default_rng(0)


def places(*shape: int, below: int) -> np.ndarray:
    """Random positions, some of them counted from the end."""
    return RNG.integers(-below, below, shape)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_elements(axis):
    indices = places(3, 4, 5, below=X.shape[axis])
    model = one_node("GatherElements", X, indices, axis=axis)
    assert_agrees(model, X)
    assert_gradients(model, X)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_gather_nd(width):
    indices = np.stack([places(2, 6, below=size) for size in X.shape[:width]], -1)
    model = one_node("GatherND", X, indices)
    assert_agrees(model, X)
    assert_gradients(model, X)


def test_gather_nd_with_a_batch():
    indices = places(3, 2, 1, below=4)
    assert_agrees(one_node("GatherND", X, indices, batch_dims=1), X)


REDUCTIONS = ["none", "add", "mul", "max", "min"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scatter_elements(axis, reduction):
    shape = list(X.shape)
    if reduction == "none":  # which of two updates of one place wins is nobody's promise
        indices = np.argsort(RNG.random(shape), axis) - X.shape[axis]
    else:
        indices = places(*shape, below=X.shape[axis])
    attributes = {} if reduction == "none" else {"reduction": reduction}
    model = one_node(
        "ScatterElements", X, indices, rand(*shape) * 2, opset=18, axis=axis, **attributes
    )
    assert_agrees(model, X)
    if reduction in ("none", "add"):
        assert_gradients(model, X)


def test_the_old_scatter():
    indices = np.array([[[0] * 5] * 2, [[1] * 5] * 2])
    assert_agrees(one_node("Scatter", X, indices, rand(2, 2, 5), opset=9), X)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_scatter_nd(width, reduction):
    count = np.prod(X.shape[:width])
    chosen = RNG.permutation(count)[:2]
    indices = np.stack(np.unravel_index(chosen, X.shape[:width]), -1)
    indices[0] -= X.shape[:width]
    attributes = {} if reduction == "none" else {"reduction": reduction}
    model = one_node("ScatterND", X, indices, rand(2, *X.shape[width:]) * 2, opset=18, **attributes)
    assert_agrees(model, X)
    if reduction in ("none", "add"):
        assert_gradients(model, X)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_compress(axis):
    condition = np.array([True, False, True])
    attributes = {} if axis is None else {"axis": axis}
    model = one_node("Compress", X, condition, **attributes)
    assert_agrees(model, X)
    assert_gradients(model, X)


def test_non_zero():
    assert_agrees(one_node("NonZero", X * (X > 0)), X * (X > 0))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis):
    x = np.array([[1, -1, 3], [0, 7, -4]])
    node = helper.make_node("OneHot", ["x", "depth", "values"], ["y"], axis=axis)
    constants = {"depth": np.array(4), "values": np.array([-2.0, 5.0], np.float32)}
    assert_agrees(model_of([node], {"x": x}, constants), x)


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("largest", [0, 1])
def test_top_k(axis, largest):
    x = np.round(X * 2)  # so that some are equal
    constants = (np.array([2]),)
    attributes = {"axis": axis, "largest": largest, "outputs": 2}
    assert_agrees(one_node("TopK", x, *constants, **attributes), x)
    assert_gradients(one_node("TopK", X, *constants, **attributes), X)


@pytest.mark.parametrize("opset", [9, 10])
def test_top_k_of_old_opsets(opset):
    if opset == 9:
        model = one_node("TopK", X, opset=9, k=3, axis=1, outputs=2)
    else:
        model = one_node("TopK", X, np.array([3]), opset=10, axis=1, outputs=2)
    assert_agrees(model, X)


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("k", [None, -1, 0, 2])
def test_trilu(upper, k):
    constants = [] if k is None else [np.array(k)]
    assert_agrees(one_node("Trilu", X, *constants, upper=upper), X)


@pytest.mark.parametrize(("batch", "time"), [(0, 1), (1, 0)])
def test_reverse_sequence(batch, time):
    lengths = np.array([1, 4, 3, 2][: X.shape[batch]])
    lengths = np.minimum(lengths, X.shape[time])
    assert_agrees(one_node("ReverseSequence", X, lengths, batch_axis=batch, time_axis=time), X)
