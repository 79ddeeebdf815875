"""What nodes read, in the graphs inside them too."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from cortado.bridge import to_torch
from cortado.errors import CortadoError
from cortado.model.graph.reads import constant_nodes, needed_nodes, read_by
from nets import build, decoded


def branch(source):
    """Return a graph whose output is the sum of an outer value and of something of its own."""
    own = helper.make_tensor("own", TensorProto.FLOAT, [1], [1.0])
    nodes = [helper.make_node("Add", [source, "own"], ["inner"])]
    output = helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)
    return helper.make_graph(nodes, "branch", [], [output], [own])


def switch(kind):
    """Return a net whose last node reads "a", "b" and "d" in graphs inside it alone."""
    nodes = [
        helper.make_node("Odd", ["x"], ["a"], domain="my.ops"),
        helper.make_node("Relu", ["x"], ["b"]),
        helper.make_node("Exp", ["w"], ["c"]),
        helper.make_node("Neg", ["c"], ["d"]),
        helper.make_node("Abs", ["x"], ["unused"]),
    ]
    inside = [branch("a"), branch("b"), branch("d")]
    graphs = {"cases": inside} if kind == "graphs" else dict(zip("pqr", inside, strict=True))
    nodes.append(helper.make_node("Switch", ["x"], ["y"], domain="my.ops", **graphs))
    shape = ["N", 3]
    proto = build(nodes, {"w": np.ones(3, np.float32)}, {"x": shape}, {"y": shape})
    proto.opset_import.append(helper.make_opsetid("my.ops", 1))
    return decoded(proto)


@pytest.mark.parametrize("kind", ["graph", "graphs"])
def test_values_of_the_outer_graph_are_read(kind):
    model = switch(kind)
    names = [value.name for value in read_by(list(model.graph)[-1])]
    assert names == ["x", "a", "b", "d"]
    needed = [node.op_type for node in needed_nodes(model.graph, model.graph.outputs)]
    assert needed == ["Odd", "Relu", "Exp", "Neg", "Switch"]
    assert {node.op_type for node in constant_nodes(model.graph)} == {"Exp", "Neg"}


@pytest.mark.parametrize("kind", ["graph", "graphs"])
def test_operators_that_only_an_inner_graph_needs_are_lacking_too(kind):
    with pytest.raises(CortadoError, match=r"lacking .*my\.ops\.Odd \(a\); my\.ops\.Switch \(y\)"):
        to_torch(switch(kind))
