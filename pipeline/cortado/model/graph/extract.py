"""A piece of a graph as a model of its own."""

from collections.abc import Sequence

import onnx_ir as ir

__all__ = ["extract_piece"]


def extract_piece(model: ir.Model, inputs: Sequence[str], outputs: Sequence[str]) -> ir.Model:
    """Return what computes some values of a model from others, as a model of its own."""
    graph = ir.convenience.extract(model.graph, list(inputs), list(outputs))
    functions = list(model.functions.values())
    return ir.Model(graph, ir_version=model.ir_version, functions=functions)
