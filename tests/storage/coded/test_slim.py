"""What a file can do without: the rest computes the very same."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from cortado.storage.coded.slim import slim
from nets import build, normal


def kept(op_type, opset=17, domain="", **attributes):
    """Return the attributes of a node that stay."""
    node = helper.make_node(op_type, ["x", "w"], ["y"], domain=domain, **attributes)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("my.ops", 1)]
    proto = build([node], opset_imports=opsets)
    slim(proto)
    return {a.name for a in proto.graph.node[0].attribute}


@pytest.mark.parametrize(
    ("op_type", "name", "implied", "others"),
    [
        ("Gemm", "alpha", 1.0, [0.5, 0.0]),
        ("Gemm", "transB", 0, [1]),
        ("Flatten", "axis", 1, [0, 2, -1]),
        ("LeakyRelu", "alpha", 0.01, [0.1]),
        ("Conv", "group", 1, [2]),
        ("Conv", "auto_pad", "NOTSET", ["SAME_UPPER", "VALID"]),
        ("Conv", "strides", [1, 1], [[2, 1], [2, 2]]),
        ("Conv", "dilations", [1, 1], [[1, 2]]),
        ("Conv", "pads", [0, 0, 0, 0], [[0, 0, 0, 1], [1, 1, 1, 1]]),
        ("ConvTranspose", "strides", [1, 1], [[2, 2]]),
        ("MaxPool", "strides", [1, 1], [[3, 3]]),
        ("MaxPool", "ceil_mode", 0, [1]),
        ("AveragePool", "pads", [0, 0], [[0, 1]]),
        ("AveragePool", "count_include_pad", 0, [1]),
    ],
)
def test_attributes_go_only_where_the_standard_takes_the_same(op_type, name, implied, others):
    assert kept(op_type, **{name: implied}) == set()
    for other in others:
        assert kept(op_type, **{name: other}) == {name}


@pytest.mark.parametrize(("opset", "left"), [(11, set()), (13, {"axis"})])
def test_the_default_is_that_of_the_models_opset(opset, left):
    """Softmax had axis 1 by default up to opset 12, and the last from 13."""
    assert kept("Softmax", opset, axis=1) == left


def test_attributes_without_a_default_stay():
    assert kept("Conv", kernel_shape=[1, 1]) == {"kernel_shape"}
    assert kept("Pad", opset=2, pads=[0, 0, 0, 0]) == {"pads"}
    assert kept("Unsqueeze", opset=11, axes=[0]) == {"axes"}
    assert kept("Transpose", perm=[0, 1]) == {"perm"}


def test_operators_of_other_domains_stay_as_they_are():
    assert kept("Gemm", domain="my.ops", alpha=1.0) == {"alpha"}
    assert kept("Unheard", alpha=1.0) == {"alpha"}


def test_shapes_between_nodes_and_the_history_go_and_other_metadata_stays():
    proto = build([helper.make_node("Relu", ["x"], ["h"]), helper.make_node("Neg", ["h"], ["y"])])
    proto.graph.value_info.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, ["N", 4]))
    helper.set_model_props(proto, {"cortado.history": "[]", "cortado.layers": "{}", "a": "b"})
    slim(proto)
    assert not proto.graph.value_info
    assert {entry.key for entry in proto.metadata_props} == {"cortado.layers", "a"}
    assert [list(node.output) for node in proto.graph.node] == [["h"], ["y"]]


def net(opset):
    rng = np.random.default_rng(0)
    node = helper.make_node
    window = {"dilations": [1, 1], "auto_pad": "NOTSET"}
    nodes = [
        node("Conv", ["x", "c"], ["h1"], "conv", strides=[1, 1], pads=[0] * 4, group=1, **window),
        node("MaxPool", ["h1"], ["h2"], "pool", kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4),
        node("AveragePool", ["h2"], ["h3"], "mean", kernel_shape=[2, 2], strides=[1, 1]),
        node("LeakyRelu", ["h3"], ["h4"], "leaky", alpha=0.01),
        node("Flatten", ["h4"], ["h5"], "flatten", axis=1),
        node("Gemm", ["h5", "f", "b"], ["h6"], "fc", alpha=1.0, beta=1.0, transA=0, transB=1),
        node("Softmax", ["h6"], ["y"], "softmax", axis=1),
    ]
    weights = {"c": normal(rng, 4, 3, 3, 3), "f": normal(rng, 5, 16), "b": normal(rng, 5)}
    sides = {"x": ["N", 3, 8, 8]}, {"y": ["N", 5]}
    return build(nodes, weights, *sides, opset=opset)


def outputs(proto):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    data = proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    pixels = normal(np.random.default_rng(1), 2, 3, 8, 8)
    return session.run(None, {"x": pixels})[0]


@pytest.mark.parametrize("opset", [7, 11, 13, 17, 21])
def test_the_outputs_stay_the_same_to_the_bit(opset):
    full, slimmed = net(opset), onnx.ModelProto()
    slimmed.CopyFrom(full)
    slim(slimmed)
    assert len(slimmed.SerializeToString()) < len(full.SerializeToString())
    onnx.checker.check_model(slimmed)
    np.testing.assert_array_equal(outputs(slimmed), outputs(full))


def test_of_what_exporters_note_only_the_modules_of_nameless_weights_stay():
    proto = net(17)
    scopes = "pkg.torch.onnx.name_scopes"
    notes = {scopes: "['', 'fc', 'linear']", "pkg.torch.onnx.stack_trace": 'File "/home/me/net.py"'}
    for noted in (proto.graph, *proto.graph.node, *proto.graph.initializer, *proto.graph.output):
        helper.set_metadata_props(noted, notes)
    slim(proto)
    data = proto.SerializeToString()
    assert b"/home/me" not in data
    assert [n.name for n in proto.graph.node if n.metadata_props] == ["conv", "fc"]
    assert data.count(scopes.encode()) == 2
