"""The reference must be the same graph: its values are what the repaired layers aim at."""

import onnx_ir as ir

from cortado.data import Feed
from cortado.errors import CortadoError
from cortado.model.layers.prunable import find_layers
from cortado.model.shape_text import show_shape

__all__ = ["check_reference"]


def check_reference(model: ir.Model, reference: ir.Model) -> None:
    """Raise `CortadoError` unless both models differ in nothing but values.

    Attributes of nodes are not compared: a coded file leaves default values out.
    """
    wanted, found = find_layers(model).by_key, find_layers(reference).by_key
    for key, layer in wanted.items():
        if key not in found:
            raise CortadoError(f"the reference has no layer {layer.name}")
        shapes = [show_shape(x.array.shape) for x in (layer, found[key])]
        if shapes[0] != shapes[1]:
            raise CortadoError(f"{layer.name} is {shapes[0]}, and {shapes[1]} in the reference")
    for key, layer in found.items():
        if key not in wanted:
            raise CortadoError(f"the reference has a layer {layer.name}, which the model has not")
    _check_inputs(model, reference)
    if len(model.graph) != len(reference.graph):
        raise CortadoError(
            f"the reference has {len(reference.graph)} nodes, the model {len(model.graph)}"
        )
    for node, other in zip(model.graph, reference.graph, strict=True):
        if _signature(node) != _signature(other):
            name = node.name or node.outputs[0].name
            raise CortadoError(f"the reference has another graph: {name} is not the same there")


def _check_inputs(model: ir.Model, reference: ir.Model) -> None:
    adapters, others = Feed.of(model).adapters, Feed.of(reference).adapters
    names, other_names = ([a.name for a in each] for each in (adapters, others))
    if names != other_names:
        raise CortadoError(
            f"the inputs of the reference are {', '.join(other_names)}, and {', '.join(names)} "
            "those of the model"
        )
    for one, other in zip(adapters, others, strict=True):
        if (one.shape, one.dtype) != (other.shape, other.dtype):
            raise CortadoError(f"the input {one.name} has another type or shape in the reference")


def _signature(node: ir.Node) -> tuple[object, ...]:
    inputs = [None if value is None else value.name for value in node.inputs]
    return node.domain, node.op_type, inputs, [value.name for value in node.outputs]
