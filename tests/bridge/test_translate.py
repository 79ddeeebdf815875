import copy

import numpy as np
import onnx_ir as ir
import pytest
import torch
from onnx import helper

from bridge.agreement import assert_agrees, assert_close, model_of, rand, run_torch
from bridge.nets import lenet, residual, siamese
from cortado.bridge import to_torch
from cortado.errors import CortadoError
from cortado.model.onnx_io.serial import encode


@pytest.mark.parametrize("batch", [1, 5])
def test_lenet(batch):
    assert_agrees(lenet(), rand(batch, 1, 28, 28))


def test_residual():
    assert_agrees(residual(), rand(5, 4, 8, 8))


def test_two_inputs():
    assert_agrees(siamese(), rand(5, 5), rand(5, 5) + 1)


def test_the_code_reads_as_the_graph():
    code = to_torch(lenet()).code
    assert "def forward(self, data):" in code
    assert "conv1_weight = self.conv1_weight" in code
    assert "conv1 = torch.conv2d(data, conv1_weight, conv1_bias)" in code
    assert "flat = torch.flatten(pool2, 1)" in code


def test_names_that_python_does_not_allow():
    node = helper.make_node("Mul", ["0", "1.training"], ["y"], "/class/for")
    model = model_of([node], {"0": rand(2, 3)}, {"1.training": rand(3)})
    assert_agrees(model, rand(2, 3))


@pytest.mark.parametrize("name", ["training", "forward", "for", "w.a", "graph"])
def test_initializers_named_like_attributes_of_a_module(name):
    node = helper.make_node("Mul", ["x", name], ["y"])
    model = model_of([node], {"x": rand(2, 3)}, {name: rand(3)})
    assert_agrees(model, rand(2, 3))


def test_initializers_whose_names_differ_by_punctuation_only():
    nodes = [
        helper.make_node("Mul", ["x", "w.a"], ["t"]),
        helper.make_node("Add", ["t", "w_a"], ["y"]),
    ]
    model = model_of(nodes, {"x": rand(2, 3)}, {"w.a": rand(3), "w_a": rand(1, 3)})
    assert_agrees(model, rand(2, 3))


def test_inner_values_as_outputs():
    module = to_torch(lenet(), ["fc2", "pool1"])
    logits, pool1 = run_torch(module, rand(2, 1, 28, 28))
    assert logits.shape == (2, 10)
    assert pool1.shape == (2, 4, 12, 12)
    assert "softmax" not in module.code


def test_what_the_outputs_do_not_need_is_left_out():
    module = to_torch(lenet(), ["conv1"])
    assert {name for name, _ in module.named_parameters()} == {"conv1_weight", "conv1_bias"}


def test_an_input_and_a_weight_as_outputs():
    x, w = run_torch(to_torch(siamese(), ["b", "w"]), rand(2, 5), rand(2, 5) + 1)
    assert_close(x, rand(2, 5) + 1)
    assert_close(w, rand(5, 3))


def test_an_unknown_output_is_refused():
    with pytest.raises(CortadoError, match="no value fc9"):
        to_torch(lenet(), ["fc9"])


def test_missing_operators_are_all_named_with_their_nodes():
    nodes = [
        helper.make_node("Det", ["x"], ["a"], "first"),
        helper.make_node("Det", ["x"], ["b"], "second"),
        helper.make_node("Hardmax", ["x"], ["c"]),
        helper.make_node("Sum", ["a", "b", "c"], ["y"], "sum"),
    ]
    model = model_of(nodes, {"x": rand(2, 3, 3)}, {})
    with pytest.raises(CortadoError, match=r"Det \(first, second\); Hardmax \(c\)$"):
        to_torch(model)
    assert to_torch(model, ["x"]) is not None


def test_operators_of_other_domains_are_missing():
    node = ir.node("Relu", [ir.Value(name="x")], domain="com.example", name="odd")
    graph = ir.Graph(node.inputs, node.outputs, nodes=[node], opset_imports={"": 17})
    node.outputs[0].name = "y"
    with pytest.raises(CortadoError, match=r"com.example.Relu \(odd\)"):
        to_torch(ir.Model(graph, ir_version=10))


def test_the_model_is_left_as_it_is():
    model = lenet()
    before = encode(model)
    module = to_torch(model)
    with torch.no_grad():
        module.conv1_bias.add_(1)
    assert encode(model) == before


def test_deep_copies_are_independent():
    module = to_torch(lenet())
    twin = copy.deepcopy(module)
    x = rand(2, 1, 28, 28)
    before = run_torch(twin, x)[0]
    with torch.no_grad():
        module.conv1_weight.zero_()
    assert_close(run_torch(twin, x)[0], before)
    assert not np.allclose(run_torch(module, x)[0], before)


def test_module_moves_to_another_device():
    module = to_torch(residual()).to("meta")
    assert module(torch.empty(3, 4, 8, 8, device="meta")).shape == (3, 4)


def test_arrays_inside_constant_nodes_are_buffers():
    value = helper.make_tensor("value", 1, [3], [1.0, 2.0, 3.0])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=value),
        helper.make_node("Mul", ["x", "c"], ["y"]),
    ]
    model = model_of(nodes, {"x": rand(2, 3)}, {})
    assert_agrees(model, rand(2, 3))
    assert [name for name, _ in to_torch(model).named_buffers()] == ["c"]


def test_scalar_constants_are_part_of_the_formula():
    node = helper.make_node("Mul", ["x", "half"], ["y"])
    model = model_of([node], {"x": rand(2, 3)}, {"half": np.array(0.5, np.float32)})
    assert "x * 0.5" in to_torch(model).code
