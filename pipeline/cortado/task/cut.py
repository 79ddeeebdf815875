"""Cutting a model: values inside of it become its outputs, and what only served later goes."""

from collections.abc import Sequence

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass, ShapeInferencePass

from cortado.errors import CortadoError, UsageError, unknown_name
from cortado.task.metadata import read_criteria, write_criteria

__all__ = ["cut_model", "cut_note"]


def cut_model(model: ir.Model, names: Sequence[str]) -> ir.Model:
    """Return the part of a model that computes some of its values.

    Parameters
    ----------
    model : onnx_ir.Model
        The model; it is left as it is.
    names : sequence of str
        Outputs of nodes of its graph, which become the outputs in this order.

    Raises
    ------
    UsageError
        If the graph has no such value, or it is an input or a weight.
    CortadoError
        If the model does not say its type.
    """
    part = model.clone()
    if any(value.type is None for value in _values(part)):
        ShapeInferencePass()(part)
    values = {str(value.name): value for value in _values(part)}
    chosen = [_find(part, values, name) for name in dict.fromkeys(names)]
    part.graph.outputs.clear()
    part.graph.outputs.extend(chosen)
    RemoveUnusedNodesPass()(part)
    for value in [value for value in part.graph.inputs if not value.uses()]:
        part.graph.inputs.remove(value)
    left = {value.name for value in _values(part)}
    if criteria := read_criteria(part):
        write_criteria(part, [each for each in criteria if each.scores in left])
    return part


def cut_note(names: Sequence[str], count: int, what: str) -> str:
    """Return the message about a cut, with the number of nodes or layers left out."""
    left = f"1 {what} is" if count == 1 else f"{count} {what}s are"
    return f"cut at {', '.join(map(repr, names))}: {left} left out"


def _values(model: ir.Model) -> list[ir.Value]:
    return [value for node in model.graph for value in node.outputs if value.name]


def _find(model: ir.Model, values: dict[str, ir.Value], name: str) -> ir.Value:
    if name in model.graph.initializers or any(name == v.name for v in model.graph.inputs):
        raise UsageError(f"cannot cut at {name!r}, which is an input or a weight of the model")
    if name not in values:
        raise unknown_name("the model has no value", name, list(values))
    if values[name].type is None:
        raise CortadoError(f"cannot cut at {name!r}: the model does not say its type")
    return values[name]
