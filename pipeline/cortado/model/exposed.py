"""Looking at tensors inside a model: a copy that has them among its outputs."""

from collections.abc import Sequence

import onnx_ir as ir

__all__ = ["expose"]


def expose(model: ir.Model, names: Sequence[str]) -> ir.Model:
    """Return a copy of `model` that gives some float32 tensors of its main graph as well.

    Names of inputs, and of what is an output already, are passed over.
    """
    copy = model.clone()
    values = {value.name: value for node in copy.graph for value in node.outputs}
    shown = {value.name for value in copy.graph.outputs}
    for name in names:
        if name in values and name not in shown:
            values[name].type = ir.TensorType(ir.DataType.FLOAT)  # it may not have been inferred
            copy.graph.outputs.append(values[name])
    return copy
