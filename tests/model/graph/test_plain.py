"""What import makes of quantized files, of functions and of programs in training."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cortado.model.graph.plain import to_plain
from cortado.model.layers.prunable import find_layers
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime, run_constants
from nets import build, decoded, normal, weight

RNG = np.random.default_rng(0)
X = normal(RNG, 3, 4)


def run(model, x=X):
    return next(iter(Runtime().open(serial.encode(model)).run({"x": x}).values()))


def quantized(kind, scale, zero=None, opset=21, **attributes):
    """Return a product with integers of some type, (4, 6), behind a DequantizeLinear."""
    low, high = {2: (0, 255), 3: (-128, 127), 5: (-999, 999), 21: (0, 15), 22: (-8, 7)}[kind]
    tensors = [
        helper.make_tensor("q", kind, (4, 6), RNG.integers(low, high, 24)),
        numpy_helper.from_array(np.asarray(scale, np.float32), "scale"),
    ]
    if zero is not None:
        zero = np.asarray(zero)
        tensors.append(helper.make_tensor("zero", kind, zero.shape, zero.reshape(-1)))
    names = [tensor.name for tensor in tensors]
    nodes = [
        helper.make_node("DequantizeLinear", names, ["w"], **attributes),
        helper.make_node("MatMul", ["x", "w"], ["y"], "product"),
    ]
    proto = build(nodes, opset=opset)
    proto.graph.initializer.extend(tensors)
    return decoded(proto)


def dequantized(model):
    """Return what onnxruntime's own DequantizeLinear gives: in front of a product it is fused."""
    proto = serial.parse(serial.encode(model), "the model")
    del proto.graph.node[1:], proto.graph.input[:], proto.graph.output[:]
    proto.graph.output.append(onnx.ValueInfoProto(name="w"))
    return run_constants(proto.SerializeToString())["w"]


CASES = {
    "uint8 one step": (TensorProto.UINT8, 0.03, 120, {}),
    "int8 one step": (TensorProto.INT8, 0.03, -5, {}),
    "int8 by column": (TensorProto.INT8, np.linspace(0.01, 0.07, 6), range(6), {"axis": 1}),
    "int8 by row": (TensorProto.INT8, np.linspace(0.01, 0.07, 4), None, {"axis": -2}),
    "int16": (TensorProto.INT16, 0.001, 7, {}),
    "int4 in blocks": (TensorProto.INT4, normal(RNG, 2, 6), None, {"axis": 0, "block_size": 2}),
    "uint4 in blocks": (
        TensorProto.UINT4, normal(RNG, 4, 2), RNG.integers(0, 15, (4, 2)),
        {"axis": 1, "block_size": 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_integers_become_what_onnxruntime_makes_of_them(case):
    kind, scale, zero, attributes = CASES[case]
    zero = None if zero is None else np.array(list(zero) if isinstance(zero, range) else zero)
    model = quantized(kind, scale, zero, **attributes)
    (skipped,) = find_layers(model).skipped
    assert skipped.reason.endswith("DequantizeLinear node; `cortado import` makes it float32")
    plain = to_plain(model)
    assert plain.notes == ("1 constants behind DequantizeLinear became floats",)
    assert [layer.name for layer in find_layers(plain.model).prunable] == ["product"]
    assert list(plain.model.graph.initializers) == ["w"]
    np.testing.assert_array_equal(weight(plain.model, "w"), dequantized(model))
    np.testing.assert_allclose(run(plain.model), X @ dequantized(model), atol=1e-4)


def test_a_plain_model_stays_as_it_is():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], "product")]
    model = decoded(build(nodes, {"w": normal(RNG, 4, 2)}))
    plain = to_plain(model)
    assert plain.notes == ()
    assert serial.encode(plain.model) == serial.encode(model)


def test_functions_are_written_out():
    body = [helper.make_node("MatMul", ["a", "b"], ["c"], "inner")]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    function = helper.make_function("mine", "Linear", ["a", "b"], ["c"], body, opsets[:1])
    call = helper.make_node("Linear", ["x", "fc.weight"], ["y"], "fc", domain="mine")
    proto = build([call], {"fc.weight": normal(RNG, 4, 2)}, opset_imports=opsets)
    proto.functions.append(function)
    model = decoded(proto)
    assert find_layers(model).prunable == ()
    plain = to_plain(model)
    assert "written out where they are called: Linear" in plain.notes[0]
    assert [layer.name for layer in find_layers(plain.model).prunable] == ["fc"]
    np.testing.assert_array_equal(run(plain.model), run(model))


def test_a_dropout_in_training_drops_nothing():
    constants = {"ratio": np.array(0.5, np.float32), "yes": np.array(True)}
    nodes = [helper.make_node("Dropout", ["x", "ratio", "yes"], ["y"], "drop")]
    plain = to_plain(decoded(build(nodes, constants)))
    assert plain.notes == ("drop could be in training mode; now it drops nothing",)
    np.testing.assert_array_equal(run(plain.model), X)
