"""Small nets whose weights lie in the body of a Loop or of a Scan."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FEATURES = 6
HIDDEN = 8
CLASSES = 3


def make_loop(trips=3, seed=0):
    """Return a net that puts its input through the same MatMul several times, in a Loop.

    The input `x` has shape (batch, 6), the output `y` (batch, 3). The body keeps its weights as
    initializers; the layers before and after lie in the main graph.

    Returns
    -------
    onnx.ModelProto
    """
    rng = np.random.default_rng(seed)
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["h", "loop.weight"], ["product"], "loop_matmul"),
            helper.make_node("Add", ["product", "loop.bias"], ["sum"], "loop_add"),
            helper.make_node("Tanh", ["sum"], ["h_next"], "loop_tanh"),
            helper.make_node("Identity", ["go"], ["go_next"], "loop_go"),
        ],
        "loop_body",
        [_value("trip", [], TensorProto.INT64), _value("go", [], TensorProto.BOOL), _state("h")],
        [_value("go_next", [], TensorProto.BOOL), _state("h_next")],
        [_weight(rng, "loop.weight", HIDDEN, HIDDEN), _weight(rng, "loop.bias", HIDDEN)],
    )
    initializers = [
        _weight(rng, "in.weight", FEATURES, HIDDEN),
        _weight(rng, "out.weight", HIDDEN, CLASSES),
        numpy_helper.from_array(np.array(trips, np.int64), "trips"),
        numpy_helper.from_array(np.array(True), "always"),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "in.weight"], ["h_first"], "in"),
        helper.make_node("Loop", ["trips", "always", "h_first"], ["h_last"], "loop", body=body),
        helper.make_node("MatMul", ["h_last", "out.weight"], ["y"], "out"),
    ]
    return _model(nodes, "looped", ["batch", FEATURES], initializers)


def make_scan(seed=0):
    """Return a recurrent net as a Scan along a sequence, and a MatMul after its last state.

    The input `x` has shape (batch, steps, 6), the output `y` (batch, 3). One weight of the body is
    an initializer of the body, the other one a Constant node.

    Returns
    -------
    onnx.ModelProto
    """
    rng = np.random.default_rng(seed)
    recurrent = _weight(rng, "scan.recurrent", HIDDEN, HIDDEN)
    body = helper.make_graph(
        [
            helper.make_node("Constant", [], ["scan.recurrent"], "constant", value=recurrent),
            helper.make_node("MatMul", ["step", "scan.weight"], ["entering"], "scan_matmul"),
            helper.make_node("MatMul", ["h", "scan.recurrent"], ["kept"], "scan_recurrent"),
            helper.make_node("Add", ["entering", "kept"], ["sum"], "scan_add"),
            helper.make_node("Tanh", ["sum"], ["h_next"], "scan_tanh"),
        ],
        "scan_body",
        [_state("h"), _value("step", ["batch", FEATURES])],
        [_state("h_next")],
        [_weight(rng, "scan.weight", FEATURES, HIDDEN)],
    )
    initializers = [
        numpy_helper.from_array(np.array([HIDDEN], np.int64), "hidden"),
        _weight(rng, "out.weight", HIDDEN, CLASSES),
    ]
    scan = {"body": body, "num_scan_inputs": 1, "scan_input_axes": [1]}
    nodes = [
        helper.make_node("Shape", ["x"], ["batch_size"], "batch_size", start=0, end=1),
        helper.make_node("Concat", ["batch_size", "hidden"], ["h_shape"], "h_shape", axis=0),
        helper.make_node("ConstantOfShape", ["h_shape"], ["h_first"], "h_first"),
        helper.make_node("Scan", ["h_first", "x"], ["h_last"], "scan", **scan),
        helper.make_node("MatMul", ["h_last", "out.weight"], ["y"], "out"),
    ]
    return _model(nodes, "scanned", ["batch", "steps", FEATURES], initializers)


def make_samples(n, seed, steps=None):
    """Return the input `x` of n samples: vectors for the Loop, or for the Scan sequences."""
    rng = np.random.default_rng(seed)
    shape = (n, FEATURES) if steps is None else (n, steps, FEATURES)
    return {"x": rng.normal(0, 1, shape).astype(np.float32)}


def _model(nodes, name, shape, initializers):
    outputs = [_value("y", ["batch", CLASSES])]
    graph = helper.make_graph(nodes, name, [_value("x", shape)], outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _state(name):
    return _value(name, ["batch", HIDDEN])


def _value(name, shape, element=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element, shape)


def _weight(rng, name, *shape):
    array = rng.normal(0, 1 / np.sqrt(shape[0]), shape).astype(np.float32)
    return numpy_helper.from_array(array, name)
