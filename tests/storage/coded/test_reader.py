"""Reading coded files: whoever uses a weight, it comes back."""

import numpy as np
from onnx import TensorProto, helper

from cortado.emit import emit
from cortado.model.onnx_io import serial
from nets import build, decoded, weight


def test_a_weight_that_only_graphs_inside_nodes_use_comes_back():
    """Both branches take the same weight, and a branch of a branch another."""
    rng = np.random.default_rng(0)
    arrays = {
        name: np.where(rng.random((60, 60)) < 0.2, np.float32(value), np.float32(0))
        for name, value in (("v", 0.5), ("w", 0.25))
    }

    def branch(name, node):
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 60])]
        return helper.make_graph([node], name, [], outputs)

    def choice(output, one, other):
        return helper.make_node("If", ["yes"], [output], then_branch=one, else_branch=other)

    def product(name, factor):
        return branch(name, helper.make_node("MatMul", ["x", factor], [name]))

    inner = branch("b", choice("b", product("c", "v"), product("d", "w")))
    node = choice("y", product("a", "w"), inner)
    model = decoded(
        build([node], {"yes": np.array(True), **arrays}, {"x": ["N", 60]}, {"y": ["N", 60]})
    )
    emitted = emit(model, "coded")
    assert {tensor.name for tensor in emitted.tensors if tensor.storage == "coded"} == {"v", "w"}
    found = serial.decode(emitted.data, "the file")
    for name, array in arrays.items():
        np.testing.assert_array_equal(weight(found, name), array)
