"""Looking at tensors inside a model: one that has them among its outputs."""

from collections.abc import Iterable

import onnx_ir as ir

from cortado.errors import unknown_name

__all__ = ["expose"]


def expose(model: ir.Model, names: Iterable[str]) -> ir.Model:
    """Return a model that gives some values of the nodes of its main graph as well.

    It is a copy, or `model` itself where they are inputs or outputs already.

    Raises
    ------
    UsageError
        If no node makes a value of such a name.
    """
    shown = {value.name for value in (*model.graph.inputs, *model.graph.outputs)}
    missing = [name for name in dict.fromkeys(names) if name not in shown]
    if not missing:
        return model
    copy = model.clone()
    values = {value.name: value for node in copy.graph for value in node.outputs}
    for name in missing:
        if name not in values:
            raise unknown_name("the model has no value", name, [str(known) for known in values])
        copy.graph.outputs.append(values[name])
    return copy
