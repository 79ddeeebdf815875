"""Which weights are layers, what they are called, and how they are replaced."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cortado.errors import CortadoError
from cortado.model import serial
from cortado.model.layers import find_layers, replace_weights
from cortado.session import open_session
from nets import build, conv_net, decoded, if_net, mlp, normal, shared_weight_net, weight

RNG = np.random.default_rng(0)


def names(model):
    return [layer.name for layer in find_layers(model).prunable]


def one_node(op_type, inputs, weights, name="node", **attributes):
    node = helper.make_node(op_type, inputs, ["y"], name, **attributes)
    return decoded(build([node], weights))


def test_a_weight_named_as_in_pytorch_gives_its_module_name():
    assert names(mlp()) == ["fc1", "fc2"]
    assert names(conv_net()) == ["conv1", "fc"]


def test_another_weight_gives_the_name_of_its_node():
    assert names(one_node("MatMul", ["x", "w"], {"w": normal(RNG, 4, 2)}, "product")) == ["product"]


def test_without_a_node_name_the_weight_names_the_layer():
    assert names(one_node("MatMul", ["x", "w"], {"w": normal(RNG, 4, 2)}, "")) == ["w"]


def test_layers_that_wish_for_one_name_get_those_of_their_weights():
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], "same"),
        helper.make_node("MatMul", ["h", "b"], ["y"], "same"),
    ]
    assert names(decoded(build(nodes, {"a": normal(RNG, 4, 4), "b": normal(RNG, 4, 4)}))) == [
        "a",
        "b",
    ]


def test_a_selector_may_use_any_name_of_a_layer():
    layer = find_layers(mlp()).prunable[0]
    assert layer.aliases == {"fc1", "fc1.weight", "gemm1"}


def test_a_weight_of_several_nodes_is_one_layer():
    (layer,) = find_layers(shared_weight_net()).prunable
    assert (layer.name, layer.key) == ("first", "w")
    assert [node.name for node in layer.nodes] == ["first", "second"]


@pytest.mark.parametrize(
    ("op_type", "shape", "inputs"),
    [
        ("Conv", (2, 4, 1), ["x", "w"]),
        ("ConvTranspose", (4, 2, 3), ["x", "w"]),
        ("Gemm", (4, 2), ["x", "w"]),
        ("Gemm", (2, 4), ["w", "x"]),
        ("MatMul", (4, 2), ["x", "w"]),
        ("MatMul", (2, 4), ["w", "x"]),
    ],
)
def test_the_constant_factor_of_a_product_is_a_layer(op_type, shape, inputs):
    array = normal(RNG, *shape)
    (layer,) = find_layers(one_node(op_type, inputs, {"w": array})).prunable
    assert layer.op_type == op_type
    np.testing.assert_array_equal(layer.array, array)


def test_the_bias_is_no_layer():
    assert [layer.key for layer in find_layers(mlp()).prunable] == ["fc1.weight", "fc2.weight"]


def inline_weight():
    value = numpy_helper.from_array(normal(RNG, 4, 2))
    constant = helper.make_node("Constant", [], ["w"], "constant", value=value)
    return decoded(build([constant, helper.make_node("MatMul", ["x", "w"], ["y"], "node")]))


def computed_weight():
    transpose = helper.make_node("Transpose", ["t"], ["w"], "transpose")
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "node")
    return decoded(build([transpose, node], {"t": normal(RNG, 2, 4)}))


def two_constants():
    return one_node("MatMul", ["a", "b"], {"a": normal(RNG, 4, 4), "b": normal(RNG, 4, 2)})


def double_weight():
    node = helper.make_node("MatMul", ["d", "w"], ["e"], "node")
    cast = helper.make_node("Cast", ["x"], ["d"], to=TensorProto.DOUBLE)
    back = helper.make_node("Cast", ["e"], ["y"], to=TensorProto.FLOAT)
    return decoded(build([cast, node, back], {"w": np.ones((4, 2))}))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (computed_weight(), "its weight is made by a Transpose node"),
        (inline_weight(), "its weight is made by a Constant node"),
        (two_constants(), "both of its factors are constant"),
        (double_weight(), "its weight is DOUBLE, not float32"),
        (one_node("MatMul", ["x", "w"], {"w": normal(RNG, 4)}), "its weight is a vector"),
    ],
    ids=["computed", "inline", "two constants", "double", "vector"],
)
def test_what_cannot_be_pruned_is_listed_with_the_reason(model, reason):
    layers = find_layers(model)
    assert layers.prunable == ()
    assert [(skipped.name, skipped.reason) for skipped in layers.skipped] == [("node", reason)]


def test_a_product_of_another_domain_is_no_layer():
    node = helper.make_node("MatMul", ["x", "w"], ["y"], domain="my.ops")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my.ops", 1)]
    layers = find_layers(decoded(build([node], {"w": normal(RNG, 4, 2)}, opset_imports=opsets)))
    (skipped,) = layers.skipped
    assert (layers.prunable, skipped.op_type) == ((), "MatMul")
    assert skipped.reason.startswith("only ONNX's own Conv")


def test_weights_of_other_operators_are_listed():
    node = helper.make_node("Einsum", ["x", "w"], ["y"], "product", equation="ni,io->no")
    layers = find_layers(decoded(build([node], {"w": normal(RNG, 4, 2)})))
    assert [(skipped.name, skipped.op_type) for skipped in layers.skipped] == [
        ("product", "Einsum")
    ]


def test_a_product_of_two_activations_has_no_weight_to_list():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"]),
        helper.make_node("MatMul", ["x", "t"], ["y"], "attention"),
    ]
    layers = find_layers(decoded(build(nodes)))
    assert (layers.prunable, layers.skipped) == ((), ())


def test_layers_inside_of_branches_are_found_and_replaced():
    model = if_net()
    assert find_layers(model).by_key.keys() == {"w_then", "w_else"}
    ones = np.ones((4, 2), np.float32)
    replaced = replace_weights(model, {"w_then": ones})
    x = np.arange(4, dtype=np.float32)[None]
    outputs = open_session(serial.encode(replaced)).run({"x": x})
    np.testing.assert_array_equal(outputs["y"], x @ ones)
    kept = [find_layers(m).by_key["w_else"].array for m in (model, replaced)]
    np.testing.assert_array_equal(*kept)


def test_weights_of_one_name_in_two_branches_are_skipped():
    """By its name alone, one of them would be taken for the other."""
    layers = find_layers(if_net(names=("w", "w")))
    assert layers.prunable == ()
    reason = "several graphs have an initializer w"
    assert [skipped.reason for skipped in layers.skipped] == [reason, reason]


def test_replacing_a_weight_leaves_the_original_alone():
    model = mlp()
    before = serial.encode(model)
    replaced = replace_weights(model, {"fc1.weight": np.ones((5, 6), np.float32)})
    assert serial.encode(model) == before
    np.testing.assert_array_equal(weight(replaced, "fc1.weight"), np.ones((5, 6)))
    np.testing.assert_array_equal(weight(replaced, "fc2.weight"), weight(model, "fc2.weight"))


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.ones((6, 5), np.float32), r"float32 of shape \[6, 5\]"),
        (np.ones(30, np.float32), r"float32 of shape \[30\]"),
        (np.ones((5, 6)), r"float64 of shape \[5, 6\]"),
    ],
)
def test_another_shape_or_type_is_refused(array, found):
    with pytest.raises(CortadoError, match=rf"fc1.weight is FLOAT of shape \[5, 6\].*{found}"):
        replace_weights(mlp(), {"fc1.weight": array})


def test_an_unknown_weight_is_refused():
    with pytest.raises(CortadoError, match="the model has no initializer fc9"):
        replace_weights(mlp(), {"fc9": np.ones((5, 6), np.float32)})
