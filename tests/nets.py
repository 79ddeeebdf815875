"""Tiny ONNX models for tests, each with just what one hazard needs."""

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from cortado.model.onnx_io import serial


def build(nodes, weights=None, inputs=None, outputs=None, opset=17, **model_fields):
    """Return a ModelProto of nodes and a dict of initializers; input x and output y by default."""
    graph = helper.make_graph(
        nodes,
        "net",
        [_float_value(name, shape) for name, shape in (inputs or {"x": ["N", 4]}).items()],
        [_float_value(name, shape) for name, shape in (outputs or {"y": ["N", "M"]}).items()],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    fields = {"opset_imports": [helper.make_opsetid("", opset)], "ir_version": 10, **model_fields}
    return helper.make_model(graph, **fields)


def decoded(proto):
    """Return the model in memory."""
    return serial.decode(proto.SerializeToString(), "the net")


def mlp(seed=0, sizes=(6, 5, 3), fixed_batch=None):
    """Return Gemm → Relu → Gemm with weights fc1.weight and fc2.weight, as PyTorch exports it."""
    rng = np.random.default_rng(seed)
    inputs, hidden, classes = sizes
    weights = {
        "fc1.weight": normal(rng, hidden, inputs),
        "fc1.bias": normal(rng, hidden),
        "fc2.weight": normal(rng, classes, hidden),
        "fc2.bias": normal(rng, classes),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "fc1.weight", "fc1.bias"], ["h"], "gemm1", transB=1),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("Gemm", ["r", "fc2.weight", "fc2.bias"], ["y"], "gemm2", transB=1),
    ]
    batch = fixed_batch or "N"
    return decoded(build(nodes, weights, {"x": [batch, inputs]}, {"y": [batch, classes]}))


def conv_net(seed=0, softmax=False):
    """Return Conv 3×3 → Relu → Flatten → Gemm on 1×6×6 images and 3 classes."""
    rng = np.random.default_rng(seed)
    weights = {
        "conv1.weight": normal(rng, 4, 1, 3, 3),
        "conv1.bias": normal(rng, 4),
        "fc.weight": normal(rng, 3, 64) / np.float32(8),
        "fc.bias": normal(rng, 3),
    }
    nodes = [
        helper.make_node("Conv", ["x", "conv1.weight", "conv1.bias"], ["c"], "conv1"),
        helper.make_node("Relu", ["c"], ["r"], "relu1"),
        helper.make_node("Flatten", ["r"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], "fc", transB=1),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["y"], ["p"], "prob", axis=1))
    outputs = {"p" if softmax else "y": ["N", 3]}
    return decoded(build(nodes, weights, {"x": ["N", 1, 6, 6]}, outputs))


def two_heads():
    """Return Flatten → two Gemms on 1×6×6 images: the outputs left (3 wide) and right (2 wide)."""
    rng = np.random.default_rng(0)
    weights = {"left.weight": normal(rng, 3, 36), "right.weight": normal(rng, 2, 36)}
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "left.weight"], ["left"], "gemm1", transB=1),
        helper.make_node("Gemm", ["f", "right.weight"], ["right"], "gemm2", transB=1),
    ]
    outputs = {"left": ["N", 3], "right": ["N", 2]}
    return decoded(build(nodes, weights, {"x": ["N", 1, 6, 6]}, outputs))


def matmul(weight):
    """Return y = x · weight, with the weight as the initializer w."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "product")
    rows, columns = weight.shape
    return decoded(build([node], {"w": weight}, {"x": ["N", rows]}, {"y": ["N", columns]}))


def shared_weight_net():
    """Return y = (x · w) · w: one weight, two nodes."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "first"),
        helper.make_node("MatMul", ["h", "w"], ["y"], "second"),
    ]
    return decoded(build(nodes, {"w": normal(np.random.default_rng(0), 4, 4)}))


def if_net(names=("w_then", "w_else")):
    """Return an If whose branches multiply with weights of their own."""
    rng = np.random.default_rng(0)
    branches = [
        helper.make_graph(
            [helper.make_node("MatMul", ["x", weight], [out], f"product_{out}")],
            out,
            [],
            [_float_value(out, ["N", 2])],
            [numpy_helper.from_array(normal(rng, 4, 2), weight)],
        )
        for weight, out in zip(names, ("then", "else"), strict=True)
    ]
    node = helper.make_node(
        "If", ["yes"], ["y"], "choose", then_branch=branches[0], else_branch=branches[1]
    )
    return decoded(build([node], {"yes": np.array(True)}))


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def weight(model, name):
    """Return the array of an initializer of the main graph."""
    return model.graph.initializers[name].const_value.numpy()


def with_weight(model, name, array):
    """Return a copy of a model with another array for one initializer."""
    copy = model.clone()
    copy.graph.initializers[name].const_value = ir.Tensor(np.asarray(array, np.float32), name=name)
    return copy


def sparse_tensor(name, shape, indices, values):
    return helper.make_sparse_tensor(
        numpy_helper.from_array(np.asarray(values, np.float32), name),
        numpy_helper.from_array(np.asarray(indices, np.int64)),
        shape,
    )


def sparse_matmul(sparse):
    """Return the ModelProto of y = x · w whose w is a sparse initializer."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "product")
    proto = build([node], {}, {"x": ["N", "K"]})
    proto.graph.sparse_initializer.append(sparse)
    return proto


def _float_value(name, shape):
    return onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
