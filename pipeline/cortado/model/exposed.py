"""Looking at tensors inside a model: one that has them among its outputs."""

from collections.abc import Iterable

import onnx_ir as ir

from cortado.errors import CortadoError

__all__ = ["expose"]


def expose(model: ir.Model, names: Iterable[str]) -> ir.Model:
    """Return a model that gives some float32 tensors of its main graph as well.

    It is a copy, or `model` itself where they are inputs or outputs already.

    Raises
    ------
    CortadoError
        If the model has no tensor of such a name.
    """
    shown = {value.name for value in (*model.graph.inputs, *model.graph.outputs)}
    missing = [name for name in dict.fromkeys(names) if name not in shown]
    if not missing:
        return model
    copy = model.clone()
    values = {value.name: value for node in copy.graph for value in node.outputs}
    for name in missing:
        if name not in values:
            raise CortadoError(f"the model has no value {name}")
        values[name].type = values[name].type or ir.TensorType(ir.DataType.FLOAT)
        copy.graph.outputs.append(values[name])
    return copy
