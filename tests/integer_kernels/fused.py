"""What onnxruntime makes of a model: the operators that it runs, and the outputs."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cortado.model.onnx_io import serial

_INTEGER = {"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "QuantizeLinear"}


@functools.cache
def saturates():
    """Return whether onnxruntime's sums of 8-bit products are cut to 16 bits on this CPU."""
    weight = np.full((64, 32), 127, np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [4, 64])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [4, 32])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(None, {"x": np.full((4, 64), 255, np.uint8)})[0]
    return bool((found != 64 * 127 * 255).any())


def optimised_operators(model):
    """Return the types of the nodes that an unmodified onnxruntime runs, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(path)
        options.log_severity_level = 4  # it warns that such a file fits this machine only
        onnxruntime.InferenceSession(serial.encode(model), options)
        return [node.op_type for node in onnx.load(path).graph.node]


def outputs(model, x, optimised=True):
    """Return the first output of a model with one input; skip the test where integers saturate."""
    is_integer = any(node.op_type in _INTEGER for node in model.graph)
    if is_integer and saturates():
        pytest.skip("this CPU saturates sums of 8-bit products: it lacks VNNI")
    options = onnxruntime.SessionOptions()
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(serial.encode(model), options)
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def difference(found, expected):
    """Return the largest difference as a fraction of the largest expected value."""
    return np.abs(found - expected).max() / np.abs(expected).max()


def checked(model):
    """Return a model after ONNX's own checker has inferred all its types and shapes."""
    onnx.checker.check_model(onnx.load_from_string(serial.encode(model)), full_check=True)
    return model
