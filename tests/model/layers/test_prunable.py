"""Which weights are layers, what they are called, and how they are replaced."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cortado.errors import CortadoError
from cortado.model.layers.prunable import find_layers, replace_weights
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime
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


def test_no_layer_gets_the_name_of_another():
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], "w"),
        helper.make_node("MatMul", ["h", "w"], ["i"], "same"),
        helper.make_node("MatMul", ["i", "same.weight"], ["y"], "last"),
    ]
    weights = {name: normal(RNG, 4, 4) for name in ("a", "w", "same.weight")}
    assert names(decoded(build(nodes, weights))) == ["a", "w", "same.weight"]


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
        (two_constants(), "both of its factors are constant"),
        (double_weight(), "its weight is DOUBLE, not float32"),
        (one_node("MatMul", ["x", "w"], {"w": normal(RNG, 4)}), "its weight is a vector"),
    ],
    ids=["two constants", "double", "vector"],
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
    outputs = Runtime().open(serial.encode(replaced)).run({"x": x})
    np.testing.assert_array_equal(outputs["y"], x @ ones)
    kept = [find_layers(m).by_key["w_else"].array for m in (model, replaced)]
    np.testing.assert_array_equal(*kept)


def test_weights_of_one_name_in_two_branches_are_two_layers():
    """By its name alone, one of them would be taken for the other."""
    one, two = (if_net(names) for names in (("w", "w"), ("w_then", "w_else")))
    layers = find_layers(one).by_key
    assert list(layers) == ["choose.else_branch.w", "choose.then_branch.w"]
    for key, other in zip(layers, ("w_else", "w_then"), strict=True):
        array = find_layers(two).by_key[other].array
        np.testing.assert_array_equal(layers[key].array, array)


def test_names_of_nested_branches_are_told_apart_once():
    """A file that was read and written has no name twice, so that it is read as it is."""
    inner = onnx.ModelProto.FromString(serial.encode(if_net(("w", "w"))))
    inner.graph.node[0].attribute[0].g.initializer[0].name = "w"
    inner.graph.node[0].attribute[0].g.node[0].input[1] = "w"
    inner.graph.node[0].attribute[1].g.initializer[0].name = "w"
    inner.graph.node[0].attribute[1].g.node[0].input[1] = "w"
    branches = [
        helper.make_graph([onnx.NodeProto()], name, [], inner.graph.output) for name in ("a", "b")
    ]
    for branch in branches:
        branch.node[0].CopyFrom(inner.graph.node[0])
    node = helper.make_node(
        "If", ["yes"], ["y"], "outer", then_branch=branches[0], else_branch=branches[1]
    )
    model = decoded(build([node], {"yes": np.array(True)}))
    keys = list(find_layers(model).by_key)
    assert keys == [
        f"outer.{outer}_branch.choose.{inner}_branch.w"
        for outer in ("else", "then")
        for inner in ("else", "then")
    ]
    assert list(find_layers(serial.decode(serial.encode(model), "the file")).by_key) == keys


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


X = normal(RNG, 3, 4)
STORED = normal(RNG, 2, 4)


def behind(*nodes, stored=STORED, **attributes):
    """Return a product with a weight that some nodes pass on, from `t` to `w`."""
    product = helper.make_node("MatMul", ["x", "w"], ["y"], "product", **attributes)
    return decoded(build([*nodes, product], {"t": stored}))


def node(op_type, source, target, **attributes):
    return helper.make_node(op_type, [source], [target], **attributes)


CHAINS = {
    "Transpose": [node("Transpose", "t", "w")],
    "Identity": [node("Identity", "t", "i"), node("Transpose", "i", "w", perm=[1, 0])],
    "Flatten": [node("Flatten", "t", "f", axis=1), node("Transpose", "f", "w")],
    "float16": [node("Cast", "t", "c", to=TensorProto.FLOAT), node("Transpose", "c", "w")],
}


@pytest.mark.parametrize("chain", CHAINS)
def test_a_weight_is_found_behind_nodes_that_pass_it_on(chain):
    stored = STORED.astype(np.float16) if chain == "float16" else STORED
    model = behind(*CHAINS[chain], stored=stored)
    (layer,) = find_layers(model).prunable
    assert (layer.key, layer.op_type, layer.array.dtype) == ("t", "MatMul", np.float32)
    np.testing.assert_array_equal(layer.array, stored.astype(np.float32))
    halved = layer.rounded(np.where(layer.array > 0, layer.array / 3, 0).astype(np.float32))
    replaced = replace_weights(model, {"t": halved})
    outputs = Runtime().open(serial.encode(replaced)).run({"x": X})
    np.testing.assert_allclose(outputs["y"], X @ halved.T, rtol=1e-6)
    kept = [[(n.op_type, n.name) for n in m.graph] for m in (model, replaced)]
    assert kept[0] == kept[1]


def test_a_weight_in_a_constant_node_becomes_an_initializer():
    array = normal(RNG, 4, 2)
    constant = helper.make_node(
        "Constant", [], ["w"], "constant", value=numpy_helper.from_array(array)
    )
    product = helper.make_node("MatMul", ["x", "w"], ["y"], "product")
    model = decoded(build([constant, product]))
    (layer,) = find_layers(model).prunable
    assert (layer.name, layer.key) == ("product", "w")
    outputs = Runtime().open(serial.encode(model)).run({"x": X})
    np.testing.assert_allclose(outputs["y"], X @ array, rtol=1e-6)


def test_a_constant_node_in_a_branch_becomes_an_initializer_there():
    def branch(name):
        value = numpy_helper.from_array(normal(RNG, 4, 2))
        nodes = [
            helper.make_node("Constant", [], [f"w_{name}"], value=value),
            helper.make_node("MatMul", ["x", f"w_{name}"], [name]),
        ]
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2])
        return helper.make_graph(nodes, name, [], [output])

    branches = {"then_branch": branch("a"), "else_branch": branch("b")}
    choice = helper.make_node("If", ["yes"], ["y"], **branches)
    model = decoded(build([choice], {"yes": np.array(True)}))
    assert find_layers(model).by_key.keys() == {"w_a", "w_b"}
    Runtime().open(serial.encode(model)).run({"x": X})


def test_a_bias_in_a_constant_node_becomes_an_initializer_and_a_size_stays():
    constants = {"b": normal(RNG, 2), "sizes": np.array([-1, 2])}
    nodes = [
        *(
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))
            for name, array in constants.items()
        ),
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Reshape", ["h", "sizes"], ["y"]),
    ]
    model = decoded(build(nodes, {"w": normal(RNG, 4, 2)}))
    assert model.graph.initializers.keys() == {"w", "b"}
    Runtime().open(serial.encode(model)).run({"x": X})


def test_the_gates_of_an_lstm_in_another_order_are_one_layer():
    """PyTorch keeps them as i, f, c, o and its exporter writes i, o, f, c by Slice and Concat."""
    weights = {"w": normal(RNG, 12, 4), "r": normal(RNG, 12, 3)}
    nodes, bounds = [], {"i": (0, 3), "o": (9, 12), "fc": (3, 9), "axes": (0,)}
    weights |= {name: np.array([bound[0]]) for name, bound in bounds.items()}
    weights |= {f"{name}_end": np.array([bound[-1]]) for name, bound in bounds.items()}
    for name in ("w", "r"):
        parts = []
        for part in ("i", "o", "fc"):
            parts.append(f"{name}_{part}")
            nodes.append(helper.make_node("Slice", [name, part, f"{part}_end"], parts[-1:]))
        nodes.append(helper.make_node("Concat", parts, [f"{name}_gates"], axis=0))
        nodes.append(helper.make_node("Unsqueeze", [f"{name}_gates", "axes"], [f"{name}_lstm"]))
    inputs = ["x", "w_lstm", "r_lstm"]
    nodes.append(helper.make_node("LSTM", inputs, ["y"], "lstm", hidden_size=3))
    model = decoded(build(nodes, weights, {"x": [5, "N", 4]}, {"y": [5, 1, "N", 3]}))
    found = {layer.name: layer.key for layer in find_layers(model).prunable}
    assert found == {"lstm": "w", "lstm.state": "r"}


def test_parts_of_two_weights_are_none():
    weights = {"a": normal(RNG, 4, 3), "b": normal(RNG, 4, 3)}
    weights |= {"begin": np.array([0]), "end": np.array([2])}
    nodes = [helper.make_node("Slice", [name, "begin", "end"], [f"{name}_"]) for name in "ab"]
    nodes.append(helper.make_node("Concat", ["a_", "b_"], ["w"], axis=0))
    nodes.append(helper.make_node("MatMul", ["x", "w"], ["y"], "product"))
    assert names(decoded(build(nodes, weights))) == []


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_half_precision_is_kept(kind):
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    stored = normal(RNG, 4, 2).astype(dtype)
    nodes = [
        helper.make_node("Cast", ["w"], ["v"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "v"], ["y"], "product"),
    ]
    graph = build(nodes)
    graph.graph.initializer.append(numpy_helper.from_array(stored, "w"))
    model = decoded(graph)
    (layer,) = find_layers(model).prunable
    assert layer.bits == 16
    third = (layer.array / 3).astype(np.float32)
    replaced = replace_weights(model, {"w": third})
    value = replaced.graph.initializers["w"]
    assert value.dtype == kind
    np.testing.assert_array_equal(
        value.const_value.numpy().astype(np.float32), third.astype(dtype).astype(np.float32)
    )


def test_the_two_weights_of_a_recurrent_node():
    weights = {"w": normal(RNG, 1, 12, 4), "r": normal(RNG, 1, 12, 3)}
    lstm = helper.make_node("LSTM", ["x", "w", "r"], ["y"], "lstm", hidden_size=3)
    model = decoded(build([lstm], weights, {"x": [5, "N", 4]}, {"y": [5, 1, "N", 3]}))
    found = {layer.name: layer.key for layer in find_layers(model).prunable}
    assert found == {"lstm": "w", "lstm.state": "r"}
