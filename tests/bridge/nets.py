"""Networks written in PyTorch, and the same networks as ONNX graphs made by hand."""

import numpy as np
import onnx_ir as ir
from onnx import NodeProto, helper
from torch import nn

from bridge.agreement import model_of, rand

LENET_SHAPES = {
    "conv1.weight": (4, 1, 5, 5),
    "conv1.bias": (4,),
    "conv2.weight": (6, 4, 5, 5),
    "conv2.bias": (6,),
    "fc1.weight": (16, 96),
    "fc1.bias": (16,),
    "fc2.weight": (10, 16),
    "fc2.bias": (10,),
}


def lenet_nodes() -> list[NodeProto]:
    def layer(op_type: str, name: str, source: str, **attributes: object) -> NodeProto:
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        return helper.make_node(op_type, inputs, [name], name, **attributes)

    def pool(name: str, source: str) -> NodeProto:
        window = {"kernel_shape": [2, 2], "strides": [2, 2]}
        return helper.make_node("MaxPool", [source], [name], name, **window)

    return [
        layer("Conv", "conv1", "data", kernel_shape=[5, 5]),
        pool("pool1", "conv1"),
        layer("Conv", "conv2", "pool1", kernel_shape=[5, 5]),
        pool("pool2", "conv2"),
        helper.make_node("Flatten", ["pool2"], ["flat"], "flat"),
        layer("Gemm", "fc1", "flat", transB=1),
        helper.make_node("Relu", ["fc1"], ["relu1"], "relu1"),
        layer("Gemm", "fc2", "relu1", transB=1),
        helper.make_node("Softmax", ["fc2"], ["prob"], "prob", axis=1),
    ]


def lenet() -> ir.Model:
    """A small LeNet with Caffe's names, for any batch."""
    weights = {name: rand(*shape) * np.float32(0.1) for name, shape in LENET_SHAPES.items()}
    return model_of(lenet_nodes(), {"data": rand(1, 1, 28, 28)}, weights)


def torch_lenet() -> nn.Sequential:
    """What `lenet` computes up to ``fc2``; its parameters come in the same order."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 16),
        nn.ReLU(),
        nn.Linear(16, 10),
    )


def siamese() -> ir.Model:
    """Two inputs that pass through one weight, and a sum."""
    nodes = [
        helper.make_node("MatMul", ["a", "w"], ["ya"], "left"),
        helper.make_node("MatMul", ["b", "w"], ["yb"], "right"),
        helper.make_node("Add", ["ya", "yb"], ["y"], "join"),
    ]
    return model_of(nodes, {"a": rand(1, 5), "b": rand(1, 5)}, {"w": rand(5, 3)})


def residual() -> ir.Model:
    """Batch normalization, a shortcut, and a head that averages."""
    statistics = {
        "bn.weight": rand(4),
        "bn.bias": rand(4),
        "bn.mean": rand(4),
        "bn.var": np.abs(rand(4)) + np.float32(0.1),
    }
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", *statistics], ["n"], "bn"),
        helper.make_node("Add", ["n", "x"], ["s"], "shortcut"),
        helper.make_node("Relu", ["s"], ["r"], "relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["g"], "pool"),
        helper.make_node("Reshape", ["g", "target"], ["y"], "flat"),
    ]
    constants = {"conv.weight": rand(4, 4, 3, 3), "target": np.array([-1, 4]), **statistics}
    return model_of(nodes, {"x": rand(1, 4, 8, 8)}, constants)


MODELS = {"lenet": lenet, "siamese": siamese, "residual": residual}
