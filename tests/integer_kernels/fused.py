"""What onnxruntime makes of a model: the operators that it runs, and the outputs."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from cortado.model.onnx_io import serial


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
    """Return the first output of a model with one input."""
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
