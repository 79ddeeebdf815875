"""Recurrent operators against onnxruntime, over their attributes."""

import numpy as np
import pytest
import torch
from onnx import helper

from bridge.agreement import assert_agrees, assert_gradients, model_of, rand
from cortado.bridge import to_torch
from cortado.runtime import Runtime
from nets import build, decoded

STEPS, BATCH, INPUTS, HIDDEN = 4, 3, 5, 6
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
X = rand(STEPS, BATCH, INPUTS)


def weights(kind: str, directions: int) -> dict[str, np.ndarray]:
    gates = GATES[kind]
    return {
        "w": rand(directions, gates * HIDDEN, INPUTS) / 2,
        "r": rand(directions, gates * HIDDEN, HIDDEN) / 2,
        "b": rand(directions, 2 * gates * HIDDEN) / 2,
        "lengths": np.array([4, 2, 3], np.int32),
        "h": rand(directions, BATCH, HIDDEN),
        "c": rand(directions, BATCH, HIDDEN) / 2,
        "p": rand(directions, 3 * HIDDEN) / 2,
    }


def recurrent(kind, given=(), direction="forward", x=X, **attributes):
    constants = weights(kind, 2 if direction == "bidirectional" else 1)
    order = ["b", "lengths", "h", *(["c", "p"] if kind == "LSTM" else [])]
    optional = [name if name in given else "" for name in order]
    outputs = ["y", "y_h", *(["y_c"] if kind == "LSTM" else [])]
    node = helper.make_node(
        kind,
        ["x", "w", "r", *optional],
        outputs,
        kind.lower(),
        hidden_size=HIDDEN,
        direction=direction,
        **attributes,
    )
    kept = {name: array for name, array in constants.items() if name in node.input}
    return model_of([node], {"x": x}, kept, batch=len(x))


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("given", [(), ("b",), ("b", "h", "c"), ("b", "lengths", "h")], ids=str)
def test_recurrent(kind, direction, given):
    assert_agrees(recurrent(kind, given, direction), X)


def test_peepholes():
    assert_agrees(recurrent("LSTM", ("b", "h", "c", "p")), X)


@pytest.mark.parametrize("before", [0, 1])
def test_where_a_gru_resets(before):
    assert_agrees(recurrent("GRU", ("b", "h"), linear_before_reset=before), X)


@pytest.mark.parametrize("kind", GATES)
def test_clip(kind):
    assert_agrees(recurrent(kind, ("b",), clip=0.3), X)


def test_other_activations():
    assert_agrees(recurrent("RNN", ("b",), activations=["Relu"]), X)
    names = ["Sigmoid", "Softsign", "Tanh"] * 2
    assert_agrees(recurrent("LSTM", ("b",), "bidirectional", activations=names), X)
    assert_agrees(recurrent("GRU", ("b",), activations=["Sigmoid", "Relu"]), X)


@pytest.mark.parametrize("kind", GATES)
def test_gradients(kind):
    given = ("b", "h", "c", "p") if kind == "LSTM" else ("b", "h")
    assert_gradients(recurrent(kind, given, "bidirectional", X[:2]), X[:2])


@pytest.mark.parametrize("kind", GATES)
def test_first_states_of_a_fixed_batch_serve_any_when_they_are_equal(kind):
    """PyTorch writes zeros for as many sequences as its example had."""
    rng = np.random.default_rng(3)
    constants = weights(kind, 1)
    names = ["w", "r", "b"]
    inputs = ["x", *names, "", "h", *(["c"] if kind == "LSTM" else [])]
    node = helper.make_node(kind, inputs, ["y"], "net", hidden_size=HIDDEN)
    kept = {name: constants[name] for name in names}
    first = {
        name: np.zeros((1, BATCH, HIDDEN), np.float32) for name in inputs if name in ("h", "c")
    }
    module = to_torch(decoded(build([node], kept | first, {"x": [STEPS, None, INPUTS]})))
    x = rng.standard_normal((STEPS, 7, INPUTS)).astype(np.float32)
    alone = helper.make_node(kind, ["x", *names], ["y"], "net", hidden_size=HIDDEN)
    proto = build([alone], kept, {"x": [STEPS, None, INPUTS]})
    wanted = Runtime().open(proto.SerializeToString()).run({"x": x})["y"]
    with torch.no_grad():
        found = module(torch.from_numpy(x))
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)
