"""Weights inside If, Loop and Scan: coded outside of them, equal to the bit."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cortado import files
from cortado.emit import emit
from cortado.model.graph.constants import initializers_of
from cortado.model.hashing import hash_model
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import ALL, Assignment
from cortado.model.onnx_io import serial
from cortado.prune import prune
from cortado.quantize import QuantizeOptions, quantize
from cortado.runtime import Runtime
from nets import build, decoded, normal
from storage.coded.decoding import folded
from support import SHARED, needs_shared

RNG = np.random.default_rng(0)
SIZE = 60
X = normal(RNG, 3, SIZE)
SPEECH = SHARED / "real" / "onnx" / "silero_vad.onnx"


def shared_weight():
    kept = RNG.random((SIZE, SIZE)) < 0.2
    return np.where(kept, RNG.choice(np.array([0.25, -0.5], np.float32), kept.shape), np.float32(0))


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def product(name, source, target):
    """Return MatMul by a weight of its own, and the weight."""
    return (
        helper.make_node("MatMul", [source, name], [target], f"product_{target}"),
        numpy_helper.from_array(shared_weight(), name),
    )


def if_net(names=("w", "w")):
    branches = []
    for name, target in zip(names, ("a", "b"), strict=True):
        node, weight = product(name, "x", target)
        branches.append(helper.make_graph([node], target, [], [value(target, [3, SIZE])], [weight]))
    node = helper.make_node(
        "If", ["yes"], ["y"], "choose", then_branch=branches[0], else_branch=branches[1]
    )
    proto = build([node], None, {"x": [3, SIZE]}, {"y": [3, SIZE]})
    proto.graph.input.append(value("yes", [], TensorProto.BOOL))
    return proto


def loop_net():
    node, weight = product("w", "state", "next")
    inputs = [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL)]
    same = helper.make_node("Identity", ["go"], ["go_on"])
    body = helper.make_graph(
        [node, same],
        "body",
        [*inputs, value("state", [3, SIZE])],
        [value("go_on", [], TensorProto.BOOL), value("next", [3, SIZE])],
        [weight],
    )
    loop = helper.make_node("Loop", ["times", "", "x"], ["y"], "loop", body=body)
    return build([loop], {"times": np.array(3)}, {"x": [3, SIZE]}, {"y": [3, SIZE]})


def scan_net():
    node, weight = product("w", "row", "out")
    body = helper.make_graph(
        [node], "body", [value("row", [SIZE])], [value("out", [SIZE])], [weight]
    )
    scan = helper.make_node("Scan", ["x"], ["y"], "scan", body=body, num_scan_inputs=1)
    return build([scan], None, {"x": [3, SIZE]}, {"y": [3, SIZE]})


def nested_net():
    """Return an If in the body of a Loop."""
    proto = loop_net()
    body = proto.graph.node[0].attribute[0].g
    inner = if_net().graph.node[0]
    for branch in inner.attribute:
        branch.g.node[0].input[0] = "state"
    inner.input[0] = "go"
    inner.output[0] = "next"
    del body.initializer[:], body.node[0]
    body.node.insert(0, inner)
    return proto


NETS = {"If": if_net, "Loop": loop_net, "Scan": scan_net, "nested": nested_net}


def inputs_of(model):
    names = [value.name for value in model.graph.inputs]
    if "yes" not in names:
        return [{"x": X}]
    return [{"x": X, "yes": np.array(choice)} for choice in (True, False)]


@pytest.mark.parametrize("kind", NETS)
def test_weights_in_bodies_are_coded_and_folded(kind, tmp_path):
    model = decoded(NETS[kind]())
    emitted = emit(model, "coded")
    stored = {tensor.name: tensor.storage for tensor in emitted.tensors}
    keys = find_layers(model).by_key.keys()
    assert keys
    assert {stored[key] for key in keys} == {"coded"}
    assert folded(emitted.data, tmp_path) == [model.graph[0].op_type]
    assert len(emitted.data) < len(emit(model, "sparse").data)
    back = serial.decode(emitted.data, "the file")
    assert hash_model(back) == hash_model(model)
    for feed in inputs_of(model):
        one, two = (Runtime().open(data).run(feed) for data in (serial.encode(model), emitted.data))
        np.testing.assert_array_equal(one["y"], two["y"])


@pytest.mark.parametrize("kind", NETS)
def test_weights_in_bodies_are_sparse_where_they_are(kind):
    model = decoded(NETS[kind]())
    emitted = emit(model, "sparse")
    stored = {tensor.name: tensor.storage for tensor in emitted.tensors}
    assert {stored[key] for key in find_layers(model).by_key} == {"sparse"}
    for feed in inputs_of(model):
        one, two = (Runtime().open(data).run(feed) for data in (serial.encode(model), emitted.data))
        np.testing.assert_array_equal(one["y"], two["y"])


def test_a_weight_that_its_branch_gives_out_stays_there_and_says_why():
    proto = if_net(("v", "w"))
    branch = proto.graph.node[0].attribute[0].g
    name = branch.initializer[0].name
    branch.output[0].CopyFrom(value(name, [SIZE, SIZE]))
    proto.graph.output[0].CopyFrom(value("y", [None, SIZE]))
    found = {tensor.name: tensor for tensor in emit(decoded(proto), "coded").tensors}
    assert (found[name].storage, found[name].reason) == ("dense", "it is an output of its graph")
    (other,) = found.keys() - {name}
    assert (found[other].storage, found[other].reason) == ("coded", "")


def test_a_weight_whose_name_a_node_elsewhere_has_stays_in_its_branch():
    proto = if_net(("v", "w"))
    first, second = (attribute.g for attribute in proto.graph.node[0].attribute)
    name = first.initializer[0].name
    second.node.add().CopyFrom(helper.make_node("Neg", [second.node[0].output[0]], [name]))
    found = {tensor.name: tensor for tensor in emit(decoded(proto), "coded").tensors}
    assert (found[name].storage, found[name].reason) == ("sparse", "another value has its name")


@needs_shared
@pytest.mark.parametrize("storage", ["coded", "sparse"])
def test_a_speech_model_gives_the_same_at_both_rates(storage):
    """silero_vad: nearly all it has is in two branches, one a rate, its LSTM two deeper."""
    model = files.read_model(str(SPEECH))
    assert len(find_layers(model).prunable) == 16
    small = prune(model, [Assignment(ALL, 0.8)]).model
    small = quantize(small, [Assignment(ALL, 4)], QuantizeOptions()).model
    emitted = emit(small, storage)
    assert len(emitted.data) < len(serial.encode(small)) * (0.15 if storage == "coded" else 0.75)
    stored = {tensor.name: tensor.storage for tensor in emitted.tensors}
    large = {layer.key for layer in find_layers(small).prunable if layer.array.size > 200}
    assert {stored[key] for key in large} == {storage}
    assert initializers_of(serial.decode(emitted.data, "the file")).keys() >= large
    sessions = [Runtime().open(data) for data in (serial.encode(small), emitted.data)]
    for rate, samples in ((16000, 512), (8000, 256)):
        feed = {
            "input": normal(RNG, 1, samples) / np.float32(4),
            "state": normal(RNG, 2, 1, 128),
            "sr": np.array(rate),
        }
        one, two = (session.run(feed) for session in sessions)
        for name, array in one.items():
            np.testing.assert_array_equal(two[name], array)
