"""Damaged ONNX files: refused, or a model that computes what onnxruntime does with the file."""

import functools
import math
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

import nets
from cortado.emit import emit
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime, Session
from fuzz.damage import damage
from fuzz.messages import change_message
from fuzz.wire import damage_fields

LENIENT = [  # where annotations that compute nothing contradict the graph, and are left out
    "Invalid tensor data type 0",
    "Can't merge shape info",
]
SESSION = ort.InferenceSession


@functools.cache
def seeds() -> tuple[bytes, ...]:
    """Return small files of every kind that cortado reads."""
    sparse = nets.sparse_tensor("w", [4, 3], [1, 4, 11], [1.0, 2.0, 3.0])
    models = [
        nets.mlp(),
        nets.conv_net(softmax=True),
        nets.if_net(),
        nets.shared_weight_net(),
        nets.two_heads(),
    ]
    protos = [sparse_net(), nets.sparse_matmul(sparse), functions(), old(), constants()]
    coded = [
        emit(model, storage).data for model in (shared_values(),) for storage in ("coded", "sparse")
    ]
    return (*map(serial.encode, models), *(proto.SerializeToString() for proto in protos), *coded)


def shared_values():
    model = nets.mlp(sizes=(40, 30, 10))
    grid = np.linspace(-1, 1, 8, dtype=np.float32)
    for name in ("fc1.weight", "fc2.weight"):
        array = nets.weight(model, name)
        near = grid[np.abs(array[..., None] - grid).argmin(-1)]
        model = nets.with_weight(model, name, np.where(np.abs(array) < 1, 0, near))
    return model


def sparse_net():
    indices = [[0, 1], [1, 1], [3, 2]]
    return nets.sparse_matmul(nets.sparse_tensor("w", [4, 3], indices, [1.0, 2.0, 3.0]))


def functions():
    body = [helper.make_node("MatMul", ["a", "b"], ["c"]), helper.make_node("Relu", ["c"], ["d"])]
    made = helper.make_function(
        "local", "Layer", ["a", "b"], ["d"], body, [helper.make_opsetid("", 17)]
    )
    node = helper.make_node("Layer", ["x", "w"], ["y"], "layer", domain="local")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    weight = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    return nets.build([node], {"w": weight}, functions=[made], opset_imports=opsets)


def old():
    """Return a file of opset 7, whose initializers are inputs too."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Reshape", ["c", "shape"], ["y"], "reshape"),
    ]
    weights = {"w": nets.normal(rng, 2, 1, 3, 3), "shape": np.array([0, -1])}
    proto = nets.build(nodes, weights, {"x": ["N", 1, 4, 4]}, opset=7, ir_version=3)
    for tensor in proto.graph.initializer:
        proto.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    return proto


def constants():
    """Return a file with all ways of storing numbers, Constant nodes, and arithmetic on them."""
    rng = np.random.default_rng(0)
    matrix = helper.make_tensor(
        "w", onnx.TensorProto.FLOAT, [4, 3], rng.standard_normal(12).tolist()
    )
    ints = helper.make_tensor("k", onnx.TensorProto.INT64, [2], [7, -2])
    half = numpy_helper.from_array(rng.standard_normal(3).astype(np.float16), "h")
    small = helper.make_tensor("i", onnx.TensorProto.INT8, [3], [1, -2, 3])
    nodes = [
        helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.array([2, 1]))),
        helper.make_node("Div", ["k", "two"], ["q"], "div"),
        helper.make_node("Cast", ["q"], ["f"], "cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["f"], ["s"], "sum", keepdims=0),
        helper.make_node("Cast", ["h"], ["hf"], "half", to=onnx.TensorProto.FLOAT),
        helper.make_node("Cast", ["i"], ["if"], "int8", to=onnx.TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "w"], ["m"], "product"),
        helper.make_node("Add", ["m", "hf"], ["a"], "add"),
        helper.make_node("Add", ["a", "if"], ["b"], "more"),
        helper.make_node("Mul", ["b", "s"], ["y"], "times"),
    ]
    proto = nets.build(nodes)
    proto.graph.initializer.extend([matrix, ints, half, small])
    return proto


def make(number: int) -> bytes:
    rng = Random(f"onnx {number}")
    data = rng.choice(seeds())
    way = rng.choice((0, 1, 2, 2, 2))
    if way == 0:
        return damage(data, rng)
    if way == 1:
        return damage_fields(data, rng)
    proto = onnx.ModelProto.FromString(data)
    change_message(proto, rng)
    return proto.SerializeToString()


def judge(data: bytes) -> None:
    model = serial.decode(data, "the file")
    ours = Runtime().open(serial.encode(model))
    try:
        theirs = Runtime().open(data)
    except CortadoError as error:
        if not any(words in str(error) for words in LENIENT):
            raise AssertionError(f"onnxruntime refuses it: {error}") from error
    else:
        compare(ours, theirs)


def open_file(path: Path) -> Session:
    """Open a file in onnxruntime, which then finds the weights beside it."""
    with patch("onnxruntime.InferenceSession", partial(open_path, str(path))):
        return Runtime().open(b"")


def open_path(path: str, _: bytes, *arguments: object, **options: object) -> ort.InferenceSession:
    return SESSION(path, *arguments, **options)


def compare(ours: Session, theirs: Session) -> None:
    """Run both models, where that can be done, and compare every output, bit for bit."""
    feeds = made_up(theirs._session)
    if feeds is None:
        return
    try:
        expected = theirs.run(feeds)
        found = ours.run(feeds)
    except CortadoError:  # made for other inputs, or too large for them
        return
    assert list(found) == list(expected)
    for name, array in expected.items():
        if isinstance(array, np.ndarray):  # and not sparse
            np.testing.assert_array_equal(found[name], array, name)


def made_up(session: ort.InferenceSession) -> dict[str, np.ndarray] | None:
    """Return inputs for a session, or None where they would be too large or of a strange type."""
    feeds = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else 2 for size in value.shape]
        if value.type != "tensor(float)" or math.prod(shape) > 10**6 or len(shape) > 8:
            return None
        feeds[value.name] = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return feeds
