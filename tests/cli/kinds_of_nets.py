"""Small nets that are no classifiers of images, for tests of the command line."""

import numpy as np
from onnx import helper

from nets import build, normal


def tagger():
    """Return a net of two integer inputs that scores three classes of each token."""
    rng = np.random.default_rng(0)
    weights = {
        "table": normal(rng, 7, 4),
        "fc.weight": normal(rng, 4, 3),
        "last": np.array([-1]),
    }
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["e"], "words"),
        helper.make_node("Unsqueeze", ["mask", "last"], ["m"], "unsqueeze"),
        helper.make_node("Cast", ["m"], ["f"], "cast", to=1),
        helper.make_node("Mul", ["e", "f"], ["k"], "keep"),
        helper.make_node("MatMul", ["k", "fc.weight"], ["y"], "fc"),
    ]
    proto = build(nodes, weights, {"ids": ["N", "T"], "mask": ["N", "T"]}, {"y": ["N", "T", 3]})
    for value in proto.graph.input:
        value.type.tensor_type.elem_type = 7
    return proto.SerializeToString()
