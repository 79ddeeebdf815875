"""A piece of a graph as a model of its own."""

from collections.abc import Sequence

import onnx_ir as ir

__all__ = ["extract_piece"]

_FED_INITIALIZERS = 4  # the first IR version in which an input may take the place of one


def extract_piece(model: ir.Model, inputs: Sequence[str], outputs: Sequence[str]) -> ir.Model:
    """Return what computes some values of a model from others, as a model of its own."""
    graph = ir.convenience.extract(model.graph, list(inputs), list(outputs))
    functions = list(model.functions.values())
    version = max(model.ir_version, _FED_INITIALIZERS)
    return ir.Model(graph, ir_version=version, functions=functions)
