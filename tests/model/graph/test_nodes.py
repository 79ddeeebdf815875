"""Standard operators, and their opset."""

import pytest
from onnx import helper

from cortado.bridge import to_torch
from cortado.errors import CortadoError
from cortado.model.graph.nodes import is_standard, opset_of
from cortado.task.outputs import Scores, activation_of
from nets import build, decoded


def model_of(node, domain="", opset=17, shape=("N", 3)):
    proto = build([node], {}, {"x": list(shape)}, {"y": list(shape)}, opset)
    proto.opset_import[0].domain = domain
    proto.opset_import.append(helper.make_opsetid("my.ops", 3))
    return decoded(proto)


@pytest.mark.parametrize("domain", ["", "ai.onnx"])
def test_the_domain_is_written_in_two_ways(domain):
    model = model_of(helper.make_node("Softmax", ["x"], ["y"]), domain)
    (node,) = model.graph
    proto = helper.make_node("Softmax", ["x"], ["y"], domain=domain)
    assert opset_of(model) == opset_of(model.graph) == 17
    for each in (proto, node):
        assert is_standard(each)
        assert is_standard(each, "Relu", "Softmax")
        assert not is_standard(each, "Relu")


def test_an_operator_of_the_same_name_is_another():
    (node,) = model_of(helper.make_node("Softmax", ["x"], ["y"], domain="my.ops")).graph
    assert not is_standard(node, "Softmax")
    assert not is_standard(node)


@pytest.mark.parametrize("domain", ["", "ai.onnx"])
def test_the_default_axis_of_a_softmax_is_that_of_the_opset(domain):
    """Axis 1 up to opset 12, the last one from 13 on."""
    node, shape = helper.make_node("Softmax", ["x"], ["y"]), ("N", 3, 4)
    for opset, axis in ((12, 1), (13, 2)):
        found = activation_of(model_of(node, domain, opset, shape), "y")
        assert (found.activation, found.axis) == ("softmax", axis)


def test_another_softmax_says_nothing_of_the_scores():
    model = model_of(helper.make_node("Softmax", ["x"], ["y"], domain="my.ops"))
    assert activation_of(model, "y") == Scores("y", "y", "none", rank=2)


def test_an_if_of_another_domain_is_lacking():
    model = model_of(helper.make_node("If", ["x"], ["y"], domain="my.ops"))
    with pytest.raises(CortadoError, match=r"lacking for these operators: my\.ops\.If \(y\)"):
        to_torch(model)
