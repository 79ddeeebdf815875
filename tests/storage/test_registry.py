"""Codecs: what each says that a tensor takes, and one that comes from outside of the package."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from cortado.emit import emit, read_stored, tensor_bytes
from cortado.errors import CortadoError, UsageError
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime
from cortado.storage import all_codecs, codec_named, registry
from nets import matmul, normal, weight
from storage.outside import Halved

RNG = np.random.default_rng(0)


def shared(shape, density, values, seed, dtype=np.float32):
    rng = np.random.default_rng(seed)
    codebook = rng.standard_normal(values).astype(dtype)
    return np.where(rng.random(shape) < density, rng.choice(codebook, shape), dtype(0))


def size_in_a_file(array):
    """Return what the tensor takes in the smallest form of a whole file that holds it alone."""
    tensor = numpy_helper.from_array(array, "w")
    node = helper.make_node("Identity", ["w"], ["y"])
    output = helper.make_tensor_value_info("y", tensor.data_type, array.shape)
    graph = helper.make_graph([node], "tensor", [], [output], [tensor])
    sizes = []
    for codec in all_codecs():
        opsets = [helper.make_opsetid("", 17)]
        proto = helper.make_model(graph, opset_imports=opsets)
        stored = list(codec.write(proto, {"w"}))
        overhead = 30 if codec.name == "sparse" else 0  # names and shapes of the second tensor
        sizes += [x.stored_bytes + overhead for x in stored if x.storage == codec.name]
    return min(sizes)


@given(
    st.sampled_from([(40, 30), (2500,), (3, 7), (600,), (0, 4), (64, 1, 3, 3)]),
    st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    st.sampled_from([1, 4, 200]),
    st.sampled_from([np.float32, np.float16]),
    st.integers(0, 2**16),
)
@settings(deadline=None, max_examples=80)
def test_the_size_of_a_tensor_is_that_in_a_file_of_its_own(shape, density, values, dtype, seed):
    array = shared(shape, density, values, seed, dtype)
    assert tensor_bytes(array) == size_in_a_file(array)


@pytest.mark.parametrize(
    "array",
    [
        shared((900, 700), 0.3, 30, 0),  # in lanes
        np.full((300, 400), np.float32(0.5)),  # one value all over
        np.zeros((300, 400), np.float32),
        normal(RNG, 30, 40),
        RNG.integers(-3, 4, (90, 80)).astype(np.int8),
        RNG.standard_normal((30, 40)),
    ],
    ids=["lanes", "filled", "zeros", "free", "integers", "double"],
)
def test_the_size_of_any_kind_of_tensor(array):
    assert tensor_bytes(array) == size_in_a_file(array)


@pytest.fixture
def codecs(monkeypatch):
    """Keep what a test registers from the others."""
    monkeypatch.setattr(registry, "_CODECS", dict(registry._CODECS))
    return registry


def test_a_codec_from_outside_is_written_read_checked_and_counted(codecs):
    array = RNG.integers(-500, 500, (60, 40)).astype(np.float32)
    model = matmul(array)
    with pytest.raises(UsageError, match="there is no stored form 'halved'"):
        emit(model, "halved")
    codecs.register(Halved())
    assert codec_named("halved").size(array) == tensor_bytes(array) == array.nbytes / 2
    emitted = emit(model, "halved")
    assert [(x.name, x.storage) for x in emitted.tensors] == [("w", "halved")]
    assert len(emitted.data) < len(emit(model, "dense").data) - 4000
    back = serial.decode(emitted.data, "the file")
    np.testing.assert_array_equal(weight(back, "w"), array)
    x = normal(RNG, 3, 60)
    one, two = (Runtime().open(data).run({"x": x}) for data in (serial.encode(model), emitted.data))
    np.testing.assert_array_equal(one["y"], two["y"])


def test_a_codec_that_loses_a_bit_never_writes_a_file(codecs):
    class Careless(Halved):
        def _is_exact(self, array):
            return True

    codecs.register(Careless())
    with pytest.raises(CortadoError, match="w would not come back bit for bit"):
        emit(matmul(normal(RNG, 6, 4)), "halved")


def test_what_a_file_holds_is_told_from_the_file_alone():
    array = shared((60, 40), 0.1, 3, 0)
    model = matmul(array)
    for storage in ("dense", "sparse", "coded"):
        emitted = emit(model, storage)
        assert read_stored(emitted.data, model) == emitted
        assert [x.storage for x in emitted.tensors] == [storage]
    assert onnx.ModelProto.FromString(emitted.data).graph.node[0].op_type != "MatMul"
