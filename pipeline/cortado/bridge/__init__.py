"""The bridge to PyTorch: an ONNX graph as a trainable module, and its weights back.

    to_torch         the graph, or the part of it that some outputs need, as a `torch.fx` module
    from_torch       the same ONNX model with the weights that the module has by now
    parameter_names  which parameter of the module is which initializer

The graph is translated, never exported again: what comes back differs from what went in only
in the values of its weights. Every float32 initializer of rank 1 or more is trained, except the
mean and variance of a BatchNormalization, which stay frozen. One small function for each operator
(`operators`) says what PyTorch calls it; a graph with an operator that has none is refused before
anything is done.

Source: the ONNX operator specification, https://onnx.ai/onnx/operators, opsets 7 to 27.
"""

from cortado.bridge.translate import to_torch
from cortado.bridge.weights import from_torch, parameter_names

__all__ = ["from_torch", "parameter_names", "to_torch"]
