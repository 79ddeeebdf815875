"""Facts that a graph leaves implicit: the shapes of its values, the opset of a node."""

import onnx_ir as ir
from onnx_ir.passes.common import InlinePass, ShapeInferencePass

from cortado.model.graph.nodes import opset_of

__all__ = ["dims_of", "infer_shapes", "version_of", "with_shapes"]


def with_shapes(model: ir.Model) -> ir.Model:
    """Return a copy of `model` whose values have the shapes that can be inferred.

    Functions of the file are written out in it.
    """
    copy = model.clone()
    if copy.functions:
        InlinePass()(copy)
    infer_shapes(copy)
    return copy


def infer_shapes(model: ir.Model) -> None:
    """Give values of `model`, in place, the shapes that follow from those that are known."""
    # Not strict: a shape that cannot be inferred matters only to the operator that needs it.
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)


def dims_of(value: ir.Value) -> tuple[int | None, ...] | None:
    """Return the shape of a value, with `None` where it is free; `None` if it is unknown."""
    if value.shape is None:
        return None
    return tuple(dim if isinstance(dim, int) else None for dim in value.shape)


def version_of(graph: ir.Graph, node: ir.Node) -> int:
    """Return the version of the standard operators that a node is of."""
    return opset_of(graph) if node.version is None else node.version
