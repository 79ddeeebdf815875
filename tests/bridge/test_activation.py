import numpy as np
import pytest
from onnx import helper

from bridge.agreement import assert_agrees, model_of, one_node, rand

X = rand(3, 4, 5, 2) * 3


def scalar(x: float) -> np.ndarray:
    return np.array(x, np.float32)


CASES = {
    "Relu": {},
    "Sigmoid": {},
    "Tanh": {},
    "LeakyRelu": {"alpha": 0.2},
    "Elu": {"alpha": 0.7},
    "Selu": {"alpha": 1.2, "gamma": 0.8},
    "HardSigmoid": {"alpha": 0.3, "beta": 0.4},
    "HardSwish": {},
    "Softplus": {},
    "Softsign": {},
    "Mish": {"opset": 18},
    "ThresholdedRelu": {"alpha": 0.5},
    "Celu": {"alpha": 1.7},
    "Swish": {"alpha": 1.3, "opset": 24},
    "Shrink": {"lambd": 0.7, "bias": 0.2},
}


@pytest.mark.parametrize("op_type", CASES)
def test_activation(op_type):
    assert_agrees(one_node(op_type, X, **CASES[op_type]), X)


@pytest.mark.parametrize("op_type", ["LeakyRelu", "Elu", "Selu", "HardSigmoid", "ThresholdedRelu"])
def test_default_attributes(op_type):
    assert_agrees(one_node(op_type, X), X)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(approximate):
    assert_agrees(one_node("Gelu", X, approximate=approximate, opset=20), X)


@pytest.mark.parametrize("slope", [(1,), (4, 1, 1), (1, 4, 1, 1), (4, 5, 2), (2,)], ids=str)
@pytest.mark.parametrize("opset", [9, 16])
def test_prelu(slope, opset):
    assert_agrees(one_node("PRelu", X, rand(*slope), opset=opset), X)


@pytest.mark.parametrize("limits", [{"min": 0.0, "max": 6.0}, {"min": -1.0}, {"max": 2.0}, {}])
def test_clip_by_attributes(limits):
    assert_agrees(one_node("Clip", X, opset=7, **limits), X)


@pytest.mark.parametrize("low", [None, -1.0, 0.0])
@pytest.mark.parametrize("high", [None, 2.0, 6.0])
@pytest.mark.parametrize("opset", [11, 13])
def test_clip_by_inputs(low, high, opset):
    limits = [None if limit is None else scalar(limit) for limit in (low, high)]
    while limits and limits[-1] is None:
        limits.pop()
    assert_agrees(one_node("Clip", X, *limits, opset=opset), X)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [7, 11, 13])
@pytest.mark.parametrize("axis", [None, 1, 2, 3])
def test_softmax(op_type, opset, axis):
    attributes = {} if axis is None else {"axis": axis}
    assert_agrees(one_node(op_type, X, opset=opset, **attributes), X)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize("axis", [-1, -2])
def test_softmax_along_an_axis_counted_from_the_end(op_type, opset, axis):
    assert_agrees(one_node(op_type, X, opset=opset, axis=axis), X)


@pytest.mark.parametrize("inputs", [["x", "low"], ["x", "", "high"], ["x", "low", "high"]], ids=str)
def test_clip_to_limits_from_data(inputs):
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["low"], keepdims=0),
        helper.make_node("Abs", ["low"], ["high"]),
        helper.make_node("Clip", inputs, ["y"]),
    ]
    assert_agrees(model_of(nodes, {"x": X}, {}), X)
