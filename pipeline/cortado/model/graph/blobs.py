"""The blobs of a model by the names that their users know, and the values that hold them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

__all__ = ["NamedBlob", "blobs_of", "with_lost"]


@dataclass(frozen=True)
class NamedBlob:
    """A blob.

    Attributes
    ----------
    name : str
        What the net that the model came from calls it.
    value : str
        The value of the graph that holds it; several blobs may have one. Empty where the model
        has it no more, such as a loss.
    layer : str
        The layer or node that makes it; empty for an input.
    overwritten : str
        The layer that overwrites it in the memory of Caffe, where the model has its old values;
        empty for most.
    """

    name: str
    value: str
    layer: str = ""
    overwritten: str = ""


def blobs_of(model: ir.Model) -> tuple[NamedBlob, ...]:
    """Return the values of the main graph under their own names, in graph order."""
    inputs = [NamedBlob(str(value.name), str(value.name)) for value in model.graph.inputs]
    made = [
        NamedBlob(value.name, value.name, node.name or node.op_type)
        for node in model.graph
        for value in node.outputs
        if value.name
    ]
    return (*inputs, *made)


def with_lost(blobs: Sequence[NamedBlob], before: Iterable[NamedBlob]) -> tuple[NamedBlob, ...]:
    """Return the blobs of a model, and those that were there `before`, which have no value now."""
    names = {blob.name for blob in blobs}
    lost = {blob.name: replace(blob, value="") for blob in before if blob.name not in names}
    return (*blobs, *lost.values())
