"""Branches, constants that are computed, and half precision."""

import copy

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from bridge.agreement import (
    assert_agrees,
    assert_gradients,
    model_of,
    rand,
    run_onnx,
    run_torch,
)
from cortado import files
from cortado.bridge import from_torch, parameter_names, to_torch
from cortado.data import ArraySamples
from cortado.errors import CortadoError
from cortado.model.graph.constants import initializers_of
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io.serial import decode, encode
from cortado.progress import finish
from cortado.quantize import quantize
from cortado.retrain import RetrainOptions, retrain
from nets import build
from retrain.sets import task, threefold
from support import SHARED, needs_shared

X = rand(3, 4)


def choice(*before, constants=None, inputs=None):
    """Return nodes, then an If that multiplies with one matrix or adds another."""

    def branch(name, op_type, array):
        node = helper.make_node(op_type, ["x", f"w_{name}"], [name], f"node_{name}")
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4])
        weight = numpy_helper.from_array(array, f"w_{name}")
        return helper.make_graph([node], name, [], [output], [weight])

    node = helper.make_node(
        "If",
        ["yes"],
        ["y"],
        "choice",
        then_branch=branch("then", "MatMul", rand(4, 4)),
        else_branch=branch("else", "Add", rand(4)),
    )
    return model_of([*before, node], {"x": X, **(inputs or {})}, constants or {})


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


def on_data():
    """Return a model whose branch depends on the sum of its input."""
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["yes"]),
    ]
    return choice(*nodes, constants={"zero": np.array(0, np.float32)})


POSITIVE, NEGATIVE = np.abs(X), -np.abs(X)


@pytest.mark.parametrize("x", [POSITIVE, NEGATIVE])
def test_a_condition_on_data_is_met_when_the_module_runs(x):
    assert_agrees(on_data(), x)
    assert_gradients(on_data(), x)


def test_the_branch_that_is_not_taken_has_no_gradient():
    module = to_torch(on_data())
    for x, taken, other in (
        (POSITIVE, module.w_then, module.w_else),
        (NEGATIVE, module.w_else, module.w_then),
    ):
        module.zero_grad()
        module(torch.from_numpy(x)).sum().backward()
        assert taken.grad is not None
        assert other.grad is None


@pytest.mark.parametrize("yes", [True, False])
def test_a_condition_that_is_an_input(yes):
    model = choice(inputs={"yes": np.array(yes)})
    assert_agrees(model, X, np.array(yes))
    module = to_torch(model)
    assert encode(from_torch(model, module)) == encode(model)
    assert parameter_names(module).keys() == {"w_then", "w_else"}


def float_value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def nested():
    """Return an If of two outputs with another If in it; both read what is outside of them.

    Outside are a weight that all branches share, a value that is computed, and sizes of the input.
    """
    inner = [
        helper.make_node("Mul", ["h", "w"], ["i1"], "i1"),
        helper.make_node("Reshape", ["i1", "sizes"], ["inner"], "reshape"),
    ]
    other = [helper.make_node("Reshape", ["x", "sizes"], ["outside"], "reshape2")]
    choose = helper.make_node(
        "If",
        ["large"],
        ["a1"],
        "inner_choice",
        then_branch=helper.make_graph(inner, "t", [], [float_value("inner", None, 4)]),
        else_branch=helper.make_graph(other, "e", [], [float_value("outside", None, 4)]),
    )
    then = [choose, helper.make_node("Add", ["a1", "w"], ["b1"], "b1")]
    otherwise = [
        helper.make_node("Sub", ["h", "w"], ["a2"], "a2"),
        helper.make_node("Tanh", ["a2"], ["b2"], "b2"),
    ]
    nodes = [
        helper.make_node("Mul", ["x", "w"], ["h"], "h"),
        helper.make_node("Shape", ["x"], ["sizes"], "sizes"),
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["yes"]),
        helper.make_node("Greater", ["sum", "ten"], ["large"]),
        helper.make_node(
            "If",
            ["yes"],
            ["a", "b"],
            "choice",
            then_branch=helper.make_graph(
                then, "then", [], [float_value("a1", None, 4), float_value("b1", None, 4)]
            ),
            else_branch=helper.make_graph(
                otherwise, "else", [], [float_value("a2", None, 4), float_value("b2", None, 4)]
            ),
        ),
    ]
    constants = {"w": rand(4), "zero": np.float32(0), "ten": np.float32(10)}
    return model_of(nodes, {"x": X}, {name: np.asarray(a) for name, a in constants.items()})


@pytest.mark.parametrize("x", [POSITIVE, 10 * POSITIVE, NEGATIVE])
def test_branches_read_what_is_outside_of_them(x):
    assert_agrees(nested(), x)
    assert_agrees(nested(), np.concatenate([x, x]))
    assert_gradients(nested(), x)
    copy.deepcopy(to_torch(nested()))(torch.from_numpy(x))


def test_an_operator_that_is_lacking_in_either_branch_is_named():
    model = on_data()
    (branch,) = [node for node in model.graph.all_nodes() if node.op_type == "Add"]
    branch.op_type = "Det"
    with pytest.raises(CortadoError, match=r"lacking for these operators: Det \(node_else\)"):
        to_torch(model)


@pytest.mark.parametrize("change", [lambda m: m, lambda m: quantize(m, [Assignment("*", 2)]).model])
def test_training_moves_the_weights_of_the_branch_that_is_taken(change):
    model, data = change(on_data()), ArraySamples({"x": np.abs(rand(40, 4))}, {"y": rand(40, 4)})
    options = RetrainOptions(epochs=1, batch=8, device="cpu")
    found = finish(retrain(model, task(model, threefold(data)), options)).model
    before, after = (
        {layer.key: layer.array for layer in find_layers(each).prunable}
        | {name: v.const_value.numpy() for name, v in initializers_of(each).items()}
        for each in (model, found)
    )
    assert not np.array_equal(before["w_then"], after["w_then"])
    np.testing.assert_array_equal(before["w_else"], after["w_else"])


@needs_shared
def test_what_is_lacking_for_a_net_of_two_sample_rates_is_one_line():
    model = files.read_model(SHARED / "real" / "onnx" / "silero_vad.onnx")
    with pytest.raises(CortadoError) as refusal:
        to_torch(model)
    message = str(refusal.value)
    assert message.startswith("Shape If_0_then_branch")
    assert message.endswith("is unknown")
    assert "\n" not in message


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
