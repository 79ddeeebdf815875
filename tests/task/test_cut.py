"""Models that end at values inside of them."""

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import helper

from cortado.errors import CortadoError
from cortado.model.onnx_io.serial import encode
from cortado.task.cut import cut_model
from nets import build, decoded, mlp

X = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)


def run(model, wanted, **feeds):
    session = ort.InferenceSession(encode(model), providers=["CPUExecutionProvider"])
    return session.run(wanted, feeds)


def test_a_cut_model_computes_the_same_with_less():
    model = mlp()
    part = cut_model(model, ["r", "h", "r"])
    assert [value.name for value in part.graph.outputs] == ["r", "h"]
    assert [node.name for node in part.graph] == ["gemm1", "relu"]
    assert list(part.graph.initializers) == ["fc1.weight", "fc1.bias"]
    assert str(part.graph.outputs[0].shape) == "[N,5]"
    relu, hidden = run(part, None, x=X)
    np.testing.assert_array_equal(relu, hidden.clip(0))
    assert [value.name for value in model.graph.outputs] == ["y"]  # it is left as it was
    assert len(list(model.graph)) == 3


def test_inputs_that_only_served_later_are_left_out():
    nodes = [helper.make_node("Relu", ["a"], ["r"]), helper.make_node("Add", ["r", "b"], ["y"])]
    model = decoded(build(nodes, inputs={"a": ["N", 4], "b": ["N", 4]}))
    assert [value.name for value in cut_model(model, ["r"]).graph.inputs] == ["a"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hh", "the model has no value 'hh'; near it: h"),
        ("x", "cannot cut at 'x', which is an input or a weight of the model"),
        ("fc1.weight", "cannot cut at 'fc1.weight', which is an input or a weight"),
    ],
)
def test_refusals(name, reason):
    with pytest.raises(CortadoError) as error:
        cut_model(mlp(), [name])
    assert str(error.value).startswith(reason)


def test_a_value_of_unknown_type_is_refused():
    node = ir.node("Wonder", [ir.val("x", ir.DataType.FLOAT, [2])], domain="custom")
    last = ir.node("Relu", node.outputs)
    node.outputs[0].name, last.outputs[0].name = "w", "y"
    last.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
    graph = ir.Graph(
        node.inputs, last.outputs, nodes=[node, last], opset_imports={"": 17, "custom": 1}
    )
    with pytest.raises(CortadoError, match="cannot cut at 'w': the model does not say its type"):
        cut_model(ir.Model(graph, ir_version=8), ["w"])
