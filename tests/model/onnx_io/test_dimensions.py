"""Open dimensions, in the forms that exporters write them."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cortado import files
from cortado.emit import emit
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import ALL, Assignment
from cortado.model.onnx_io import serial
from cortado.quantize import QuantizeOptions, quantize
from cortado.runtime import Runtime
from nets import build, decoded, normal
from support import SHARED, needs_shared

CLASSIFIER = SHARED / "real" / "onnx" / "ch_ppocr_mobile_v2.0_cls_infer.onnx"


def sizes(value):
    return [
        dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else None)
        for dim in value.type.tensor_type.shape.dim
    ]


def net(input_shape, output_shape):
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "product")
    weights = {"w": normal(np.random.default_rng(0), 64, 32)}
    return build([node], weights, {"x": input_shape}, {"y": output_shape})


def there_and_back(proto):
    return onnx.ModelProto.FromString(serial.encode(decoded(proto)))


@pytest.mark.parametrize("size", [-1, -7, "?", "", "-1", "None", "unk", "*"])
def test_a_size_that_says_nothing_is_an_open_dimension(size):
    back = there_and_back(net([size, size, 64], [size, size, 32]))
    assert sizes(back.graph.input[0]) == [None, None, 64]
    assert sizes(back.graph.output[0]) == [None, None, 32]


@pytest.mark.parametrize("size", [5, "N", "batch_size", "unk__12", "p2o.DynamicDimension.0"])
def test_sizes_and_names_are_kept(size):
    assert sizes(there_and_back(net([size, 64], [size, 32])).graph.input[0]) == [size, 64]


def test_dimensions_inside_branches_and_sequences_are_opened():
    def branch(name, op_type):
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, [-1, "?"])
        return helper.make_graph([helper.make_node(op_type, ["x"], [name])], name, [], [value])

    choice = helper.make_node(
        "If", ["yes"], ["z"], then_branch=branch("a", "Abs"), else_branch=branch("b", "Neg")
    )
    nodes = [choice, helper.make_node("SequenceConstruct", ["z", "z"], ["y"])]
    proto = build(nodes, {"yes": np.array(True)}, {"x": [-1, 4]})
    sequence = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, [-1, 4])
    proto.graph.output[0].CopyFrom(sequence)
    graph = there_and_back(proto).graph
    inner = graph.node[0].attribute[0].g.output[0]
    assert sizes(inner) == [None, None]
    shape = graph.output[0].type.sequence_type.elem_type.tensor_type.shape
    assert [dim.WhichOneof("value") for dim in shape.dim] == [None, "dim_value"]


def test_a_net_of_such_dimensions_is_shared_and_coded():
    check_whole_way(decoded(net([-1, "?", 64], [-1, "?", 32])), (2, 3, 64))


@needs_shared
def test_a_classifier_of_paddlepaddle_is_shared_and_coded():
    model = files.read_model(str(CLASSIFIER))
    assert sizes(onnx.ModelProto.FromString(serial.encode(model)).graph.input[0])[1:] == [
        3,
        None,
        None,
    ]
    assert len(find_layers(model).prunable) > 50
    check_whole_way(model, (2, 3, 48, 192))


def check_whole_way(model, shape):
    """Share values and emit them coded; the file computes what the shared model does."""
    shared = quantize(model, [Assignment(ALL, 3)], QuantizeOptions()).model
    emitted = emit(shared, "coded")
    assert any(tensor.storage == "coded" for tensor in emitted.tensors)
    x = {model.graph.inputs[0].name: normal(np.random.default_rng(1), *shape)}
    one, two = (Runtime().open(data).run(x) for data in (serial.encode(shared), emitted.data))
    for name, array in one.items():
        np.testing.assert_array_equal(two[name], array)
