"""Nets with states, with fixed batches and with samples that bring a batch axis of their own."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx import helper

from cortado.data import ArraySamples
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.retrain import Distillation, RetrainOptions, retrain
from nets import build, decoded, mlp, normal, weight, with_weight
from retrain.sets import task, threefold

RNG = np.random.default_rng(0)
SOUNDS = RNG.standard_normal((32, 5, 3)).astype(np.float32)
LABELS = (SOUNDS.sum(axis=(1, 2)) > 0).astype(np.int64)


def recurrent(batch="N"):
    """Return a GRU over (n, 5, 3) from a state (1, n, 4), which it gives back, and two classes."""
    rng = np.random.default_rng(1)
    weights = {
        "gru.w": normal(rng, 1, 12, 3),
        "gru.r": normal(rng, 1, 12, 4),
        "gru.b": normal(rng, 1, 24),
        "fc.weight": normal(rng, 2, 4),
        "first": np.array([0]),
    }
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], "turn", perm=[1, 0, 2]),
        helper.make_node(
            "GRU",
            ["t", "gru.w", "gru.r", "gru.b", "", "state"],
            ["", "state_out"],
            "gru",
            hidden_size=4,
            linear_before_reset=1,
        ),
        helper.make_node("Squeeze", ["state_out", "first"], ["h"], "squeeze"),
        helper.make_node("Gemm", ["h", "fc.weight"], ["y"], "fc", transB=1),
    ]
    shapes = {"x": [batch, 5, 3], "state": [1, batch, 4]}
    return decoded(build(nodes, weights, shapes, {"y": [batch, 2], "state_out": [1, batch, 4]}))


def options(**changes):
    return RetrainOptions(**{"epochs": 20, "batch": 8, "lr": 0.02, "device": "cpu", **changes})


def trained(model, data, *, head=None, distillation=None, **changes):
    bound = task(model, data, head=head)
    return finish(retrain(model, bound, options(**changes), None, distillation))


def test_a_state_that_is_not_given_starts_at_zero():
    samples = ArraySamples({"x": SOUNDS}, {"target": LABELS})
    found = trained(recurrent(), threefold(samples), head="y")
    zeros = ArraySamples(
        {"x": SOUNDS, "state": np.zeros((32, 1, 4), np.float32)}, {"target": LABELS}
    )
    same = trained(recurrent(), threefold(zeros), head="y")
    assert found.epochs[-1].val.value > 0.85
    assert serial.encode(found.model) == serial.encode(same.model)


def test_a_state_that_is_given_is_used():
    states = RNG.standard_normal((32, 1, 4)).astype(np.float32)
    samples = ArraySamples({"x": SOUNDS, "state": states}, {"target": LABELS})
    found = trained(recurrent(), threefold(samples), head="y", epochs=1)
    zeros = ArraySamples({"x": SOUNDS, "state": 0 * states}, {"target": LABELS})
    other = trained(recurrent(), threefold(zeros), head="y", epochs=1)
    assert not np.array_equal(weight(found.model, "gru.w"), weight(other.model, "gru.w"))


def test_outputs_whose_batch_is_another_axis_than_the_first_are_learned():
    """The state has the batch on its second axis."""
    samples = ArraySamples({"x": SOUNDS[:12]})
    dense = recurrent()
    changed = with_weight(dense, "gru.w", weight(dense, "gru.w") * np.float32(0.5))
    bound = task(dense, threefold(samples))
    assert bound.names == ("y", "state_out")
    assert (bound.axes["y"], bound.axes["state_out"]) == (0, 1)
    chosen = options(epochs=8, lr=0.01, batch=2)
    found = finish(retrain(changed, bound, chosen, None, Distillation(dense)))
    values = [epoch.val.value for epoch in found.epochs]
    assert values[-1] < 0.7 * values[0]


def test_a_fixed_batch_is_opened_for_training():
    samples = ArraySamples(
        {"x": RNG.standard_normal((20, 6)).astype(np.float32)}, {"target": np.arange(20) % 3}
    )
    fixed, free = (
        trained(mlp(fixed_batch=batch), threefold(samples), epochs=2).model for batch in (1, None)
    )
    np.testing.assert_array_equal(weight(fixed, "fc1.weight"), weight(free, "fc1.weight"))


def test_a_model_that_computes_with_its_batch_trains_with_that_batch():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "fc"),
        helper.make_node("Add", ["h", "rows"], ["y"], "add"),
    ]
    rows = np.eye(2, 3, dtype=np.float32)
    start = np.ones((4, 3), np.float32)
    model = decoded(build(nodes, {"w": start, "rows": rows}, {"x": [2, 4]}, {"y": [2, 3]}))
    x, labels = RNG.standard_normal((2, 4)).astype(np.float32), np.array([0, 2])
    samples = threefold(ArraySamples({"x": x}, {"target": labels}))
    plain = {"optimizer": "sgd", "lr": 0.1, "momentum": 0.0, "rate": "constant", "epochs": 1}
    found = trained(model, samples, batch=2, **plain).model
    w = torch.tensor(start, requires_grad=True)
    order = np.random.default_rng(0).permutation(2)
    F.cross_entropy(
        torch.tensor(x[order]) @ w + torch.tensor(rows), torch.tensor(labels[order])
    ).backward()
    np.testing.assert_allclose(weight(found, "w"), start - 0.1 * w.grad.numpy(), atol=1e-6)
    with pytest.raises(CortadoError, match="computes with its batch of 2"):
        trained(model, samples, batch=4)
