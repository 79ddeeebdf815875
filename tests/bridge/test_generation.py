"""Tensors made of numbers alone."""

import numpy as np
import pytest
import torch
from onnx import helper

from bridge.agreement import assert_agrees, model_of, one_node, rand
from cortado.bridge import to_torch

X = rand(3, 4)


def test_a_range_as_long_as_the_batch():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["n"]),
        helper.make_node("Range", ["zero", "n", "one"], ["range"]),
        helper.make_node("Unsqueeze", ["range", "axis"], ["column"]),
        helper.make_node("Cast", ["column"], ["floats"], to=1),
        helper.make_node("Add", ["x", "floats"], ["y"]),
    ]
    constants = {"zero": np.array(0), "one": np.array(1), "axis": np.array([1])}
    model = model_of(nodes, {"x": X}, constants)
    assert_agrees(model, rand(5, 4))
    assert to_torch(model).to("meta")(torch.empty(7, 4, device="meta")).shape == (7, 4)


@pytest.mark.parametrize("limits", [(0.5, 3.2, 0.7), (5.0, 1.0, -1.5)], ids=str)
def test_a_range_of_floats_is_computed_once(limits):
    nodes = [
        helper.make_node("Range", ["a", "b", "c"], ["range"]),
        helper.make_node("ReduceSum", ["range"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["x", "sum"], ["y"]),
    ]
    constants = dict(zip("abc", (np.array(x, np.float32) for x in limits), strict=True))
    model = model_of(nodes, {"x": X}, constants)
    assert_agrees(model, X)
    assert "arange" not in to_torch(model).code


@pytest.mark.parametrize("value", [None, np.array([2.5], np.float32), np.array([3])])
def test_constant_of_shape(value):
    attributes = {} if value is None else {"value": helper.make_tensor("v", 1, [1], value)}
    if value is not None and value.dtype.kind == "i":
        attributes = {"value": helper.make_tensor("v", 7, [1], value)}
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["full"], **attributes),
        helper.make_node("Cast", ["full"], ["floats"], to=1),
        helper.make_node("Add", ["x", "floats"], ["y"]),
    ]
    assert_agrees(model_of(nodes, {"x": X}, {}), rand(5, 4))


@pytest.mark.parametrize("k", [0, 1, -2])
def test_eye_like(k):
    assert_agrees(one_node("EyeLike", X, k=k), X)
    assert_agrees(one_node("EyeLike", X, k=k, dtype=7), X)


def test_size():
    assert_agrees(one_node("Size", X), X)
