"""Large weights without copies: the bytes are those that protobuf would write."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.model.onnx_io.serial import decode, encode, encode_outline
from cortado.runtime import Runtime

SIZES = [(4, 3), (600, 700), (2**19,), (5,)]


def model(**doc):
    """Return a model of four weights; the second and the third are large."""
    generator = np.random.default_rng(0)
    tensors = [
        onnx.numpy_helper.from_array(generator.normal(size=size).astype(np.float32), f"w{i}")
        for i, size in enumerate(SIZES)
    ]
    tensors[1].doc_string = "the second"
    onnx.helper.set_metadata_props(tensors[1], {"key": "value"})
    nodes = [onnx.helper.make_node("Identity", [f"w{i}"], [f"y{i}"]) for i in range(len(SIZES))]
    outputs = [onnx.helper.make_tensor_value_info(f"y{i}", 1, size) for i, size in enumerate(SIZES)]
    graph = onnx.helper.make_graph(nodes, "net", [], outputs, tensors, "a graph")
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    onnx.helper.set_model_props(proto, {"cortado.input": "{}"})
    # Through an array each, as passes make weights; protobuf's own tensors come back as they are.
    result = ir.from_proto(proto)
    for value in result.graph.initializers.values():
        old = value.const_value
        value.const_value = ir.Tensor(
            np.array(old.numpy()),
            name=value.name,
            doc_string=old.doc_string,
            metadata_props=dict(old.metadata_props),
        )
    return result


def test_the_bytes_are_those_of_protobuf():
    proto = onnx.ModelProto()
    proto.ParseFromString(encode(model()))
    assert [tensor.name for tensor in proto.graph.initializer] == ["w0", "w1", "w2", "w3"]
    assert proto.graph.initializer[1].doc_string == "the second"
    assert not proto.graph.initializer[1].external_data
    assert encode(model()) == proto.SerializeToString(deterministic=True)
    assert encode(model()) == encode(decode(encode(model()), "it"))


def test_the_model_is_left_as_it_is():
    before = model()
    tensors = [value.const_value for value in before.graph.initializers.values()]
    encode(before)
    encode_outline(before)
    assert [value.const_value for value in before.graph.initializers.values()] == tensors


def test_an_outline_is_small_and_takes_the_large_weights_as_inputs():
    data = encode_outline(model())
    assert len(data) < 2000
    proto = onnx.load_from_string(data)
    assert [value.name for value in proto.graph.input] == ["w1", "w2"]
    assert [tensor.name for tensor in proto.graph.initializer] == ["w0", "w3"]
    Runtime().open(data)


def test_an_outline_is_refused_where_the_model_is():
    wrong = model()
    wrong.graph.node(1).op_type = "Nothing"
    with pytest.raises(CortadoError, match=r"onnxruntime refuses the model: .*Nothing"):
        Runtime().open(encode_outline(wrong))


def test_a_file_of_more_than_two_gigabytes_is_refused(monkeypatch):
    monkeypatch.setattr(serial, "_PROTO_LIMIT", 3_000_000)
    with pytest.raises(CortadoError, match="cannot be written as one ONNX file: it exceeds 2 GiB"):
        encode(model())
