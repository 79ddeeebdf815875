"""Opsets are raised where that changes nothing, and refused where it cannot be done."""

import numpy as np
import onnx
import pytest
from onnx import helper

from cortado.errors import CortadoError
from cortado.integer_kernels import KernelOptions, to_kernel
from cortado.opset.convert import raise_opset
from cortado.task.metadata import read_transform, write_transform
from cortado.task.transform import InputTransform
from integer_kernels.fused import checked, difference, optimised_operators, outputs
from nets import build, decoded, normal

RNG = np.random.default_rng(0)


def old_net(opset, ir_version=8, **fields):
    """Return a net whose operators have changed since: Softmax, Squeeze, Unsqueeze."""
    weights = {"w": normal(RNG, 40, 6)}
    inputs = {"x": ["N", 40]} | ({"w": [40, 6]} if ir_version < 4 else {})
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "product"),
        helper.make_node("Unsqueeze", ["h"], ["u"], axes=[2]),
        helper.make_node("Squeeze", ["u"], ["s"], axes=[2]),
        helper.make_node("Softmax", ["s"], ["y"], axis=1),
    ]
    net = build(nodes, weights, inputs, {"y": ["N", 6]}, opset, ir_version=ir_version, **fields)
    return decoded(net)


@pytest.mark.parametrize("opset", [7, 9, 11])
def test_outputs_are_the_same_in_the_higher_opset(opset):
    model = old_net(opset)
    raised = checked(raise_opset(model, 21, 10))
    assert (raised.opset_imports[""], raised.ir_version) == (21, 10)
    x = normal(RNG, 5, 40)
    np.testing.assert_allclose(outputs(raised, x), outputs(model, x), rtol=1e-6)


@pytest.mark.parametrize(("kernel", "opset"), [("int8", 13), ("int4", 21)])
def test_no_opset_is_raised_further_than_needed(kernel, opset):
    for before in (9, 13, 17, 22):
        node = helper.make_node("MatMul", ["x", "w"], ["y"])
        net = build([node], {"w": normal(RNG, 4, 3)}, opset=before)
        found = to_kernel(decoded(net), KernelOptions(kernel)).model
        assert found.opset_imports[""] == max(before, opset)


def test_inputs_that_are_constants_of_old_files_are_no_inputs_any_more():
    model = old_net(9, ir_version=3)
    found = to_kernel(model, KernelOptions("int8")).model
    assert [value.name for value in found.graph.inputs] == ["x"]
    assert "DynamicQuantizeMatMul" in optimised_operators(found)
    x = normal(RNG, 5, 40)
    assert difference(outputs(found, x), outputs(model, x)) < 0.1


def test_constants_that_a_caller_may_replace_stay():
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "product")
    inputs = {"x": ["N", 4], "w": [4, 3]}
    model = decoded(build([node], {"w": normal(RNG, 4, 3)}, inputs))
    with pytest.raises(CortadoError, match="product: its weight is an input or output"):
        to_kernel(model, KernelOptions("int8"))


def test_the_input_transform_survives():
    model = old_net(9)
    write_transform(model, InputTransform(0.5, (3.0,)))
    raised = raise_opset(model, 21, 10)
    assert read_transform(raised) == InputTransform(0.5, (3.0,))


def test_what_the_converter_cannot_do_is_said_in_one_line():
    nodes = [
        helper.make_node("Upsample", ["x"], ["u"], scales=[1.0, 1.0, 1.5, 1.5], mode="linear"),
        helper.make_node("MatMul", ["u", "w"], ["y"]),
    ]
    net = build(nodes, {"w": normal(RNG, 6, 3)}, {"x": [1, 1, 4, 4]}, {"y": [1, 1, 6, 3]}, opset=7)
    with pytest.raises(CortadoError) as refusal:
        to_kernel(decoded(net), KernelOptions("int4"))
    text = str(refusal.value)
    assert text.startswith(
        "the model's opset 7 cannot be raised to the 21 that this form of it needs"
    )
    assert "\n" not in text


def test_a_change_of_outputs_is_noticed(monkeypatch):
    def broken(proto, opset, convert=onnx.version_converter.convert_version):
        result = convert(proto, opset)
        result.graph.node[-1].op_type = "LogSoftmax"
        return result

    monkeypatch.setattr(onnx.version_converter, "convert_version", broken)
    with pytest.raises(CortadoError, match="its output y would change"):
        raise_opset(old_net(9), 21, 10)
