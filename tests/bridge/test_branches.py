"""Branches, constants that are computed, and half precision."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from bridge.agreement import assert_agrees, model_of, rand, run_onnx, run_torch
from cortado.bridge import from_torch, parameter_names, to_torch
from cortado.errors import CortadoError
from cortado.model.onnx_io.serial import decode, encode
from nets import build

X = rand(3, 4)


def choice(*before, condition="yes", constants=None):
    """Return nodes, then an If that multiplies with one matrix or adds another."""

    def branch(name, op_type, array):
        node = helper.make_node(op_type, ["x", f"w_{name}"], [name], f"node_{name}")
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4])
        weight = numpy_helper.from_array(array, f"w_{name}")
        return helper.make_graph([node], name, [], [output], [weight])

    node = helper.make_node(
        "If",
        [condition],
        ["y"],
        "choice",
        then_branch=branch("then", "MatMul", rand(4, 4)),
        else_branch=branch("else", "Add", rand(4)),
    )
    return model_of([*before, node], {"x": X}, constants or {})


@pytest.mark.parametrize("yes", [True, False])
def test_the_branch_that_is_taken(yes):
    assert_agrees(choice(constants={"yes": np.array(yes)}), X)


def test_a_condition_on_a_shape():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["width"]),
        helper.make_node("Equal", ["width", "four"], ["yes"]),
    ]
    model = choice(*nodes, constants={"one": np.array(1), "four": np.array(4)})
    assert_agrees(model, X)
    assert "where" not in to_torch(model).code


def test_a_condition_on_data_is_refused():
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["yes"]),
    ]
    model = choice(*nodes, constants={"zero": np.array(0, np.float32)})
    with pytest.raises(CortadoError, match="If choice: its condition depends on data"):
        to_torch(model)


def test_what_follows_from_constants_is_computed_once():
    nodes = [
        helper.make_node("Range", ["zero", "four", "one"], ["range"]),
        helper.make_node("Cast", ["range"], ["floats"], to=1),
        helper.make_node("Exp", ["floats"], ["powers"]),
        helper.make_node("Mul", ["x", "powers"], ["y"]),
    ]
    constants = {"zero": np.array(0), "four": np.array(4), "one": np.array(1)}
    model = model_of(nodes, {"x": X}, constants)
    assert_agrees(model, X)
    module = to_torch(model)
    assert "exp" not in module.code
    assert [name for name, _ in module.named_buffers()] == ["powers"]
    assert parameter_names(module) == {}


def test_what_follows_from_weights_is_computed_again():
    nodes = [
        helper.make_node("Exp", ["w"], ["e"]),
        helper.make_node("Mul", ["x", "e"], ["y"]),
    ]
    module = to_torch(model_of(nodes, {"x": X}, {"w": rand(4)}))
    module(torch.from_numpy(X)).sum().backward()
    assert module.w.grad is not None


def test_a_mask_with_infinities_is_not_trained():
    mask = np.where(np.eye(4), 0, -np.inf).astype(np.float32)[:3]
    model = model_of([helper.make_node("Add", ["x", "mask"], ["y"])], {"x": X}, {"mask": mask})
    assert parameter_names(to_torch(model)) == {}


def half_model(kind=TensorProto.FLOAT16):
    """Return a product and a sum in half precision, with inputs and outputs of it."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], "product"),
        helper.make_node("Add", ["m", "b"], ["y"], "sum"),
    ]
    proto = build(nodes, {"w": rand(4, 5).astype(dtype), "b": rand(5).astype(dtype)})
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.elem_type = kind
    return decode(proto.SerializeToString(), "the net")


def test_half_precision_is_computed_in_float32():
    model, x = half_model(), X.astype(np.float16)
    (actual,) = run_torch(to_torch(model), x)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, run_onnx(model, x)[0].astype(np.float32), atol=4e-3)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_half_precision_comes_back_rounded(kind):
    model = half_model(kind)
    module = to_torch(model)
    assert encode(from_torch(model, module)) == encode(model)
    with torch.no_grad():
        module.w.mul_(1 / 3)
    trained = from_torch(model, module).graph.initializers["w"].const_value
    assert trained.dtype == kind
    expected = module.w.detach().numpy().astype(trained.dtype.numpy())
    np.testing.assert_array_equal(trained.numpy(), expected)
