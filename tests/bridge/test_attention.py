"""Attention and rotary embeddings against onnxruntime, gradients against PyTorch's own."""

import numpy as np
import pytest
import torch
from onnx import helper
from torch.nn import functional as F

from bridge.agreement import assert_agrees, assert_close, assert_gradients, model_of, rand
from cortado.bridge import to_torch


def attention(q, k, v, extra=None, opset=23, outputs=1, **attributes):
    extra = extra or {}
    names = [name if name in extra else "" for name in ("mask", "past_k", "past_v")]
    node = helper.make_node(
        "Attention", ["q", "k", "v", *names], ["y", "pk", "pv"][:outputs], **attributes
    )
    return model_of([node], {"q": q, "k": k, "v": v}, extra, opset, batch=len(q))


def four(heads=4, keys=4):
    return rand(2, heads, 5, 6), rand(2, keys, 7, 6), rand(2, keys, 7, 8)


CASES = {
    "plain": {},
    "scale": {"scale": 0.3},
    "softcap": {"softcap": 2.0},
}


@pytest.mark.parametrize("attributes", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("keys", [4, 2, 1])
def test_heads_in_their_own_axis(keys, attributes):
    q, k, v = four(keys=keys)
    model = attention(q, k, v, **attributes)
    assert_agrees(model, q, k, v)


def test_causal():
    q = rand(2, 4, 5, 6)
    assert_agrees(attention(q, q, q, is_causal=1), q, q, q)


@pytest.mark.parametrize("keys", [4, 2])
def test_heads_in_the_last_axis(keys):
    q, k, v = rand(2, 5, 24), rand(2, 7, 6 * keys), rand(2, 7, 8 * keys)
    assert_agrees(attention(q, k, v, q_num_heads=4, kv_num_heads=keys), q, k, v)


@pytest.mark.parametrize("shape", [(5, 7), (1, 1, 5, 7), (2, 4, 5, 7)], ids=str)
@pytest.mark.parametrize("kind", [bool, np.float32])
def test_mask(shape, kind):
    mask = rand(*shape)
    mask = mask > -1 if kind is bool else mask
    q, k, v = four()
    assert_agrees(attention(q, k, v, {"mask": mask}), q, k, v)


def test_the_past():
    q, k, v = four()
    past = {"past_k": rand(2, 4, 3, 6), "past_v": rand(2, 4, 3, 8)}
    assert_agrees(attention(q, k, v, past, outputs=3), q, k, v)


def test_gradients_are_those_of_pytorch():
    q, k, v = (torch.from_numpy(x).requires_grad_() for x in four())
    module = to_torch(attention(*(x.detach().numpy() for x in (q, k, v))))
    expected = torch.autograd.grad(
        F.scaled_dot_product_attention(q, k, v).square().sum(), (q, k, v)
    )
    actual = torch.autograd.grad(module(q, k, v).square().sum(), (q, k, v))
    for a, e in zip(actual, expected, strict=True):
        assert_close(a.numpy(), e.numpy())


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("width", [0, 4])
@pytest.mark.parametrize("flat", [False, True], ids=["split", "flat"])
@pytest.mark.parametrize("positions", [False, True], ids=["in order", "given"])
def test_rotary_embedding(interleaved, width, flat, positions):
    x = rand(2, 5, 24) if flat else rand(2, 3, 5, 8)
    half = (width or 8) // 2
    shape = (9, half) if positions else (2, 5, half)
    constants = {"cos": rand(*shape), "sin": rand(*shape) * 2}
    inputs = ["x", "cos", "sin"]
    if positions:
        constants["places"] = np.array([[0, 3, 1, 8, 2], [5, 5, 0, 1, 7]])
        inputs.append("places")
    attributes = {"interleaved": interleaved, "rotary_embedding_dim": width}
    if flat or width:
        attributes["num_heads"] = 3
    node = helper.make_node("RotaryEmbedding", inputs, ["y"], **attributes)
    model = model_of([node], {"x": x}, constants, 23, batch=2)
    assert_agrees(model, x)
    assert_gradients(model, x)
