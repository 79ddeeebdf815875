"""Storing whole files: old opsets, names that collide, and what must not be touched."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cortado.emit import emit
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime
from nets import build, decoded, weight

RNG = np.random.default_rng(0)
WEIGHT = RNG.choice(np.array([0, 0, 0, 0, 0.5, -1], np.float32), (80, 90))


def outputs(data):
    x = np.random.default_rng(1).standard_normal((3, 80)).astype(np.float32)
    return Runtime().open(data).run({"x": x})


def product(opset=17, **fields):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    sides = {"x": ["N", 80]}, {"y": ["N", 90]}
    return build([node], {"w": WEIGHT}, *sides, opset=opset, **fields)


@pytest.mark.parametrize("opset", [7, 9, 11, 12, 13, 17, 21, 24])
def test_models_of_any_opset(opset):
    model = decoded(product(opset))
    emitted = emit(model, "coded")
    assert [tensor.storage for tensor in emitted.tensors] == ["coded"]
    dense = emit(model, "dense").data
    np.testing.assert_array_equal(outputs(emitted.data)["y"], outputs(dense)["y"])
    np.testing.assert_array_equal(weight(serial.decode(emitted.data, "the file"), "w"), WEIGHT)


def test_names_of_the_decoder_avoid_those_of_the_model():
    """Also those inside of graphs that nodes have."""
    nodes = [helper.make_node("MatMul", ["x", "a"], ["b"])]
    for name, after in zip("bcdefg", "cdefgh", strict=True):
        nodes.append(helper.make_node("Relu", [name], [after]))
    outputs_of = [helper.make_tensor_value_info("i", TensorProto.FLOAT, ["N", 90])]
    branch = helper.make_graph([helper.make_node("Neg", ["h"], ["i"])], "branch", [], outputs_of)
    nodes.append(helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch))
    weights = {"a": WEIGHT, "yes": np.array(True)}
    model = decoded(build(nodes, weights, {"x": ["N", 80]}, {"y": ["N", 90]}))
    emitted = emit(model, "coded")
    assert [t.name for t in emitted.tensors if t.storage == "coded"] == ["a"]
    np.testing.assert_array_equal(
        outputs(emitted.data)["y"], outputs(emit(model, "dense").data)["y"]
    )


def test_what_a_caller_may_override_or_reads_is_not_coded():
    model = product()
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [80, 90]))
    assert {t.storage for t in emit(decoded(model), "coded").tensors} <= {"sparse", "dense"}
    model = product()
    model.graph.output.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [80, 90]))
    assert {t.storage for t in emit(decoded(model), "coded").tensors} <= {"sparse", "dense"}


def test_coding_is_repeatable_and_survives_decoding():
    model = decoded(product())
    once = emit(model, "coded").data
    assert emit(model, "coded").data == once
    assert emit(serial.decode(once, "the file"), "coded").data == once


def test_metadata_of_the_user_stay_and_history_goes():
    proto = product()
    helper.set_model_props(proto, {"author": "me", "cortado.history": '{"version":1,"steps":[]}'})
    coded = onnx.load_from_string(emit(decoded(proto), "coded").data)
    assert {entry.key for entry in coded.metadata_props} == {"author", "cortado.coded"}


def test_a_file_of_which_nothing_is_coded_is_left_as_it_is():
    """No opset is raised, no history dropped, no default left out."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    free = RNG.standard_normal((80, 90)).astype(np.float32)
    proto = build([node], {"w": free}, {"x": ["N", 80]}, {"y": ["N", 90]}, opset=9)
    helper.set_model_props(proto, {"cortado.history": '{"version":1,"steps":[]}'})
    model = decoded(proto)
    assert emit(model, "coded").data == emit(model, "sparse").data == emit(model, "dense").data


def test_functions_of_the_model_stay_apart_from_those_of_the_decoder():
    """A large tensor, whose decoder has functions, in a model that has one under a short name."""
    large = np.where(RNG.random((600, 500)) < 0.5, np.float32(0.5), np.float32(0))
    body = [helper.make_node("Relu", ["p"], ["q"])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("a", 1)]
    function = helper.make_function("a", "s", ["p"], ["q"], body, opsets[:1])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("s", ["m"], ["y"], domain="a"),
    ]
    sides = {"x": ["N", 600]}, {"y": ["N", 500]}
    proto = build(nodes, {"w": large}, *sides, functions=[function])
    del proto.opset_import[:]
    proto.opset_import.extend(opsets)
    model = decoded(proto)
    emitted = emit(model, "coded")
    assert [tensor.storage for tensor in emitted.tensors] == ["coded"]
    found = serial.decode(emitted.data, "the file")
    np.testing.assert_array_equal(weight(found, "w"), large)
    assert list(found.functions) == list(model.functions)


def test_a_long_vector_is_decoded_in_lanes():
    """A vector of more entries than a flat decoder takes is no bias."""
    vector = np.where(RNG.random(300_000) < 0.5, np.float32(0.5), np.float32(0))
    nodes = [
        helper.make_node("Add", ["x", "v"], ["s"]),
        helper.make_node("ReduceSum", ["s"], ["y"], keepdims=1),
    ]
    model = decoded(build(nodes, {"v": vector}, {"x": ["N", 300_000]}, {"y": [1, 1]}))
    file = onnx.load_from_string(emit(model, "coded").data)
    assert [function.name for function in file.functions] == ["s", "w"]


def test_scalars_are_left_alone():
    """Exporters write many; what onnxruntime knows of their shape is nothing."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Mul", ["m", "half"], ["h"]),
        helper.make_node("Clip", ["h", "zero"], ["y"]),
    ]
    scalars = {"half": np.array(0.5, np.float32), "zero": np.array(0, np.float32)}
    model = decoded(build(nodes, {"w": WEIGHT, **scalars}, {"x": ["N", 80]}, {"y": ["N", 90]}))
    emitted = emit(model, "coded")
    assert [tensor.name for tensor in emitted.tensors if tensor.storage == "coded"] == ["w"]


def test_files_of_ir_version_3_whose_initializers_are_inputs():
    proto = product(8, ir_version=3)
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [80, 90]))
    data = emit(decoded(proto), "coded").data
    np.testing.assert_array_equal(weight(serial.decode(data, "the file"), "w"), WEIGHT)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
@pytest.mark.parametrize("count", [3, 12])
def test_many_tensors_of_zeros_beside_a_coded_one(dtype, count):
    """Constants of the decoder that are mostly zeros stay what they are."""
    zeros = {f"z{index}": np.zeros((16, 20), dtype) for index in range(count)}
    nodes = [helper.make_node("Shape", [name], [f"s{name}"]) for name in zeros]
    nodes.append(helper.make_node("MatMul", ["x", "w"], ["y"]))
    sides = {"x": ["N", 80]}, {"y": ["N", 90]}
    emitted = emit(decoded(build(nodes, {**zeros, "w": WEIGHT}, *sides)), "coded")
    assert "coded" in {tensor.storage for tensor in emitted.tensors}
    found = serial.decode(emitted.data, "the file")
    for name in zeros:
        assert not weight(found, name).any()


def test_an_output_that_is_an_initializer_stays_an_ordinary_tensor():
    proto = product()
    proto.graph.output.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [80, 90]))
    for storage in ("coded", "sparse"):
        found = outputs(emit(decoded(proto), storage).data)["w"]
        np.testing.assert_array_equal(found, WEIGHT)


def test_strings_beside_coded_weights():
    proto = product()
    proto.graph.initializer.append(helper.make_tensor("s", TensorProto.STRING, [2], ["a", "b"]))
    proto.graph.node.append(helper.make_node("Identity", ["s"], ["t"]))
    proto.graph.output.append(helper.make_tensor_value_info("t", TensorProto.STRING, [2]))
    data = emit(decoded(proto), "coded").data
    found = serial.decode(data, "the file").graph.initializers["s"].const_value
    assert list(found.string_data()) == [b"a", b"b"]


def test_an_old_model_is_only_tried_where_something_is_coded():
    """The trial makes up images of 32 × 32, which this model does not take."""
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["y"]),
    ]
    sides = {"x": ["N", "C", "H", "W"]}, {"y": ["N", 90]}
    free = RNG.standard_normal((80, 90)).astype(np.float32)
    emit(decoded(build(nodes, {"w": free}, *sides, opset=11)), "coded")
    with pytest.raises(CortadoError, match=r"on inputs that were made up, .*--storage sparse"):
        emit(decoded(build(nodes, {"w": WEIGHT}, *sides, opset=11)), "coded")


def test_no_form_is_larger_than_the_dense_one():
    zeros = {f"z{index}": np.zeros(1, np.float32) for index in range(200)}
    nodes = []
    for index in range(200):
        before = f"h{index}" if index else "x"
        after = f"h{index + 1}" if index < 199 else "y"
        nodes.append(helper.make_node("Add", [before, f"z{index}"], [after]))
    model = decoded(build(nodes, zeros, {"x": ["N", 4]}, {"y": ["N", 4]}))
    dense, sparse, coded = (len(emit(model, form).data) for form in ("dense", "sparse", "coded"))
    assert coded <= sparse <= dense


def test_numbers_that_casts_could_change_are_not_coded():
    half = WEIGHT.astype(np.float16)
    half[0, 0] = np.nan
    nodes = [
        helper.make_node("Cast", ["w"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "c"], ["y"]),
    ]
    model = decoded(build(nodes, {"w": half}, {"x": ["N", 80]}, {"y": ["N", 90]}))
    assert [tensor.storage for tensor in emit(model, "coded").tensors] == ["dense"]
