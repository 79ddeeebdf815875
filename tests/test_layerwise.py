"""A model in pieces gives what it gives as a whole."""

import numpy as np
import pytest
from onnx import helper

from cortado.data import Inputs, labelled_images
from cortado.layerwise import Frontier
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime
from nets import build, conv_net, decoded, if_net, mlp, normal, weight


def batches(model, count=7, shape=(1, 6, 6), seed=0):
    pixels = normal(np.random.default_rng(seed), count, *shape)
    return list(Inputs.of(model, labelled_images(pixels)))


def first(batch, count):
    """Return the first samples of a batch."""
    return {name: array[:count] for name, array in batch.items()}


def whole(model, batch):
    return Runtime().open(serial.encode(model)).run(batch)


@pytest.mark.parametrize("memory", [0, 3000, 2**20])
@pytest.mark.parametrize("stops", [["c"], ["r"], ["f"], ["c", "r", "f", "y"], []])
def test_pieces_give_what_the_whole_model_gives(stops, memory):
    model = conv_net()
    (batch,) = batches(model)
    frontier = Frontier(model, [batch, first(batch, 2)], Runtime(), memory)
    for stop in [*stops, "y"]:
        frontier.advance([stop])
    expected = whole(model, batch)["y"]
    full, short = frontier.values("y")
    np.testing.assert_allclose(full, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(short, expected[:2], rtol=0, atol=1e-6)


def test_only_what_is_needed_is_held():
    frontier = Frontier(conv_net(), batches(conv_net()), Runtime())
    frontier.advance(["r"])
    assert [set(values) for values in frontier._base] == [{"r"}]


def test_no_more_is_held_than_is_allowed_and_it_goes_on_from_what_was_held_last():
    """Of 7 images x takes 1,008 bytes, y 84, and what lies between 1,792."""
    frontier = Frontier(conv_net(), batches(conv_net()), Runtime(), memory=1500)
    held = []
    for stop in "xcrfy":
        frontier.advance([stop])
        held.append(set(frontier._base[0]) if isinstance(frontier._base, list) else None)
    assert held == [{"x"}, {"x"}, {"x"}, {"x"}, {"y"}]


def test_a_part_of_the_batches_can_be_asked_for_again_and_again():
    model = mlp(sizes=(6, 5, 3))
    (batch,) = batches(model, shape=(6,))
    for memory in (0, 2**20):
        frontier = Frontier(model, [batch, first(batch, 3), first(batch, 2)], Runtime(), memory)
        frontier.advance(["r"])
        values = frontier.values("r", slice(1, 3))
        assert [len(x) for x in values] == [len(x) for x in values] == [3, 2]


def test_a_value_is_held_for_all_that_read_it():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("Neg", ["b"], ["c"]),
        helper.make_node("Add", ["a", "c"], ["y"]),
    ]
    model = decoded(build(nodes))
    frontier = Frontier(model, batches(model, shape=(4,)), Runtime())
    for stop in "bcy":
        frontier.advance([stop])
    (batch,), (found,) = batches(model, shape=(4,)), frontier.values("y")
    np.testing.assert_array_equal(found, 2 * np.maximum(batch["x"], 0))


def test_a_change_reaches_the_nodes_that_have_not_run():
    model = mlp(sizes=(6, 5, 3))
    frontier = Frontier(model, batches(model, shape=(6,)), Runtime())
    frontier.advance(["r"])
    changes = {"fc1.weight": 0 * weight(model, "fc1.weight"), "fc2.bias": np.ones(3, np.float32)}
    frontier.change(changes)
    frontier.advance(["y"])
    (batch,), (found,) = batches(model, shape=(6,)), frontier.values("y")
    expected = whole(model, batch)["y"] - weight(model, "fc2.bias") + 1
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert weight(model, "fc2.bias").any()  # the model itself stays


def test_a_graph_inside_a_node_reads_what_is_held():
    model = if_net()
    nodes = list(model.graph)
    (batch,) = batches(model, shape=(4,))
    frontier = Frontier(model, [batch], Runtime())
    frontier.advance([nodes[-1].outputs[0].name])
    (found,) = frontier.values("y")
    np.testing.assert_allclose(found, whole(model, batch)["y"], atol=1e-6)


def test_a_weight_that_nodes_make_is_not_held():
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"]),
        helper.make_node("Neg", ["t"], ["u"]),
        helper.make_node("Relu", ["x"], ["h"]),
        helper.make_node("MatMul", ["h", "u"], ["y"]),
    ]
    w = normal(np.random.default_rng(1), 3, 4)
    model = decoded(build(nodes, {"w": w}))
    (batch,) = batches(model, shape=(4,))
    frontier = Frontier(model, [batch], Runtime())
    frontier.advance(["h"])
    assert set(frontier._base[0]) == {"h"}
    frontier.advance(["y"])
    (found,) = frontier.values("y")
    np.testing.assert_allclose(found, -np.maximum(batch["x"], 0) @ w.T, atol=1e-6)


def test_the_only_batch_size_is_filled_up_with_the_first_images():
    model = mlp(fixed_batch=4)
    full, filled = batches(model, count=6, shape=(6,))
    np.testing.assert_array_equal(filled["x"][2:], full["x"][:2])
