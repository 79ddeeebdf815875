"""Integers and steps against onnxruntime."""

import numpy as np
import pytest
import torch
from onnx import helper

from bridge.agreement import assert_agrees, model_of, one_node, rand
from cortado.bridge import to_torch

X = rand(3, 4, 5) * 3
SCALE = np.array(0.07, np.float32)


@pytest.mark.parametrize("zero", [np.uint8(120), np.int8(-3)], ids=["uint8", "int8"])
def test_integers(zero):
    zero = np.array(zero)
    assert_agrees(one_node("QuantizeLinear", X, SCALE, zero, opset=13), X)
    q = np.arange(60).reshape(3, 4, 5).astype(zero.dtype)
    assert_agrees(one_node("DequantizeLinear", q, SCALE, zero, opset=13), q)


def test_without_a_zero_point():
    assert_agrees(one_node("QuantizeLinear", X, SCALE), X)


def pair(scale, zero, axis=1):
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], axis=axis),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"], axis=axis),
    ]
    return model_of(nodes, {"x": X}, {"scale": scale, "zero": zero})


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_a_pair_for_each_channel(dtype):
    scale = np.array([0.02, 0.05, 0.1, 0.2], np.float32)
    assert_agrees(pair(scale, np.arange(4).astype(dtype)), X)


def test_blocks():
    q = np.arange(-12, 12).reshape(4, 6).astype(np.int8)
    scale = np.abs(rand(4, 2)) + np.float32(0.1)
    model = one_node("DequantizeLinear", q, scale, opset=21, axis=1, block_size=3)
    assert_agrees(model, q)


def test_the_gradient_passes_straight_through_within_the_limits():
    module = to_torch(pair(SCALE, np.array(0, np.int8)))
    x = torch.tensor([[[0.1, -20.0, 20.0, 3.3, -1.0]] * 4]).requires_grad_()
    module(x).sum().backward()
    assert x.grad[0, 0].tolist() == [1, 0, 0, 1, 1]
