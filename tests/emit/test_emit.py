"""Stored forms: every bit comes back, and only what gets smaller is converted."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import helper

from cortado.emit import emit, encode
from cortado.errors import CortadoError
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.prune import prune
from cortado.runtime import Runtime
from nets import build, conv_net, decoded, matmul, weight

SPECIAL = [0.0, 0.0, 0.0, 0.0, -0.0, 1.5, np.nan, np.inf, -np.inf, 1e-45]


def holding(array):
    """Return a model with `array` as an initializer of any shape."""
    nodes = [
        helper.make_node("Shape", ["w"], ["s"]),
        helper.make_node("Cast", ["s"], ["f"], to=onnx.TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["f"], ["r"], keepdims=0),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    return decoded(build(nodes, {"w": array}))


def bits(array):
    return np.asarray(array).view(f"u{array.itemsize}")


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=0, max_dims=4, max_side=6),
        elements=st.sampled_from(SPECIAL),
    ),
    st.sampled_from(["dense", "sparse"]),
)
@settings(deadline=None, max_examples=60)
def test_every_bit_comes_back(array, storage):
    emitted = emit(holding(array), storage)
    returned = weight(serial.decode(emitted.data, "the file"), "w")
    assert returned.shape == array.shape
    np.testing.assert_array_equal(bits(returned), bits(array))


@pytest.mark.parametrize("shape", [(), (1,), (3, 0), (100,)])
def test_tensors_of_any_shape_may_be_all_zero(shape):
    array = np.zeros(shape, np.float32)
    emitted = emit(holding(array), "sparse")
    np.testing.assert_array_equal(weight(serial.decode(emitted.data, "the file"), "w"), array)


@pytest.mark.parametrize(
    ("nonzero", "storage", "size"),
    [
        (0, "sparse", 0),
        (1, "sparse", 12),
        (30, "sparse", 360),
        (31, "dense", 400),
        (100, "dense", 400),
    ],
)
def test_a_tensor_becomes_sparse_only_where_that_is_smaller(nonzero, storage, size):
    """100 floats take 400 bytes; each one stored with its index 12, and their second tensor 30."""
    array = np.zeros((10, 10), np.float32)
    array.reshape(-1)[:nonzero] = 1
    (tensor,) = emit(matmul(array), "sparse").tensors
    assert (tensor.name, tensor.storage, tensor.stored_bytes) == ("w", storage, size)
    assert tensor.dense_bytes == 400


def test_negative_zeros_are_stored_as_they_are():
    (tensor,) = emit(matmul(np.full((10, 10), -0.0, np.float32)), "sparse").tensors
    assert tensor.storage == "dense"


def test_tensors_of_other_types_stay_dense():
    emitted = emit(holding(np.zeros(100, np.int64)), "sparse")
    assert [tensor.storage for tensor in emitted.tensors] == ["dense"]


def test_a_pruned_net_gets_smaller_and_computes_the_same():
    model = prune(conv_net(), [Assignment("*", 0.9)]).model
    dense, sparse = emit(model, "dense"), emit(model, "sparse")
    assert len(sparse.data) < len(dense.data)
    x = {"x": np.random.default_rng(0).standard_normal((5, 1, 6, 6)).astype(np.float32)}
    one, two = (Runtime().open(emitted.data).run(x)["y"] for emitted in (dense, sparse))
    np.testing.assert_array_equal(one, two)
    assert one.std() > 0


def test_the_sparse_form_is_onnxs_own():
    model = prune(conv_net(), [Assignment("*", 0.9)]).model
    proto = onnx.ModelProto.FromString(emit(model, "sparse").data)
    onnx.checker.check_model(proto)
    assert [s.values.name for s in proto.graph.sparse_initializer] == ["conv1.weight", "fc.weight"]
    assert [t.name for t in proto.graph.initializer] == ["conv1.bias", "fc.bias"]
    for stored in proto.graph.sparse_initializer:
        indices = onnx.numpy_helper.to_array(stored.indices)
        array = weight(model, stored.values.name)
        np.testing.assert_array_equal(indices, np.flatnonzero(array))
        np.testing.assert_array_equal(
            onnx.numpy_helper.to_array(stored.values), array.reshape(-1)[indices]
        )


def test_dense_storage_is_the_plain_file_and_the_model_stays_as_it_is():
    model = prune(conv_net(), [Assignment("*", 0.9)]).model
    before = serial.encode(model)
    emit(model, "sparse")
    assert serial.encode(model) == before
    assert onnx.ModelProto.FromString(emit(model, "dense").data) == onnx.ModelProto.FromString(
        before
    )


def test_an_initializer_that_is_an_input_too_may_become_sparse():
    """As in files of IR version 3."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    proto = build(
        [node],
        {"w": np.zeros((4, 5), np.float32)},
        {"x": ["N", 4], "w": [4, 5]},
        opset=8,
        ir_version=3,
    )
    emitted = emit(decoded(proto), "sparse")
    assert [tensor.storage for tensor in emitted.tensors] == ["sparse"]
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(Runtime().open(emitted.data).run({"x": x})["y"], np.zeros((2, 5)))


@pytest.mark.parametrize("storage", ["dense", "sparse", "coded"])
@pytest.mark.parametrize("sparsity", [0.1, 0.9])
def test_an_encoded_file_is_the_one_that_is_emitted(storage, sparsity):
    model = prune(conv_net(), [Assignment("*", sparsity)]).model
    assert encode(model, storage) == emit(model, storage)


def test_encoding_alone_loads_and_decodes_nothing(monkeypatch):
    """Asked for once a comparison, it must cost no session and no decoding."""

    def refuse(*arguments, **options):
        raise AssertionError("a file was loaded or decoded")

    model = prune(conv_net(), [Assignment("*", 0.9)]).model
    monkeypatch.setattr("cortado.runtime.onnxruntime.InferenceSession", refuse)
    assert encode(model, "coded").data
    with pytest.raises(CortadoError, match="a file was loaded or decoded"):
        emit(model, "coded")
