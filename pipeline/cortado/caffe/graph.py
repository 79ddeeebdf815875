"""The ONNX graph under construction.

Every value carries the shape that Caffe would compute for the prototxt's batch size, since
Caffe's rules (paddings of pools, flattening) need numbers. In the graph itself the first
dimension of whatever depends on a batched input is the symbol "N".

Values get their names at the end, because a blob may have several (layers such as Dropout only
rename) and the ones that users look up come first: inputs, outputs, then all other blobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import onnx_ir as ir

from cortado.caffe.naming import UniqueNames
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["MAX_AXES", "MAX_COUNT", "Attributes", "Blob", "GraphBuilder", "Shape"]

OPSET = 17
IR_VERSION = 8  # the one that opset 17 came with, so that whatever reads it reads the file

MAX_COUNT = 2**31 - 1
"""The most values that a blob may have in Caffe."""

MAX_AXES = 32
"""The most axes that a blob may have in Caffe."""

Shape: TypeAlias = tuple[int, ...]
Attributes: TypeAlias = Mapping[str, int | float | str | Sequence[int]]


@dataclass(frozen=True)
class Blob:
    """A value of the graph.

    Attributes
    ----------
    value : onnx_ir.Value
        The value; nameless until the graph is finished, unless it is an input or initializer.
    shape : tuple of int
        Its shape for the batch size of the prototxt.
    batched : bool
        Whether its first dimension is the batch, "N".
    """

    value: ir.Value
    shape: Shape
    batched: bool = False

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)


class GraphBuilder:
    """Collects inputs, initializers and nodes; `finish` makes the model."""

    def __init__(self) -> None:
        self._inputs: list[ir.Value] = []
        self._initializers: dict[str, Blob] = {}
        self._nodes: list[ir.Node] = []
        self._names = UniqueNames()
        self._node_names = UniqueNames()

    def input(self, name: str, shape: Shape, *, batched: bool) -> Blob:
        """Add a float32 input."""
        value = _value(shape, batched=batched)
        value.name = self._names.take(name)
        self._inputs.append(value)
        return Blob(value, shape, batched)

    def initializer(self, name: str, array: Array) -> Blob:
        """Add a constant; one that is there already under this name is used again."""
        known = self._initializers.get(name)
        if known is not None:
            if known.shape != array.shape:
                raise CortadoError(
                    f"{name} is shared by layers that want it as {list(known.shape)} "
                    f"and as {list(array.shape)}"
                )
            return known
        tensor = ir.Tensor(array, name=name)
        self._names.take(name)
        value = ir.Value(
            name=name,
            shape=ir.Shape(array.shape),
            type=ir.TensorType(tensor.dtype),
            const_value=tensor,
        )
        return self._initializers.setdefault(name, Blob(value, array.shape))

    def node(
        self,
        op: str,
        inputs: Sequence[Blob],
        shapes: Sequence[Shape],
        attributes: Attributes,
        name: str,
    ) -> tuple[Blob, ...]:
        """Add a node with an output of each shape; batched if any of its inputs is."""
        batched = any(blob.batched for blob in inputs)
        for shape in shapes:
            too_large = prod(shape) > MAX_COUNT or len(shape) > MAX_AXES
            if too_large or min(shape, default=1) < 1:
                raise CortadoError(f"layer {name!r}: no blob can have the shape {list(shape)}")
        outputs = tuple(
            Blob(_value(shape, batched=batched and shape != ()), shape, batched and shape != ())
            for shape in shapes
        )
        node = ir.node(
            op,
            [blob.value for blob in inputs],
            dict(attributes),
            outputs=[blob.value for blob in outputs],
            name=self._node_names.take(name),
        )
        self._nodes.append(node)
        return outputs

    def finish(self, name: str, blobs: Mapping[str, Blob], outputs: Sequence[str]) -> ir.Model:
        """Return the model.

        Parameters
        ----------
        name : str
            The graph's name.
        blobs : mapping of str to Blob
            Every top of the net, in file order; several names may stand for one value.
        outputs : sequence of str
            The tops that the model outputs, in order; each becomes an output of that name.
        """
        results = [self._output(top, blobs[top]) for top in outputs]
        for top, blob in blobs.items():
            if blob.value.name is None:
                blob.value.name = self._names.take(top)
        for node in self._nodes:
            for value in node.outputs:
                if value.name is None:
                    value.name = self._names.take(node.name or node.op_type)
        graph = ir.Graph(
            self._inputs,
            results,
            nodes=self._nodes,
            initializers=[blob.value for blob in self._initializers.values()],
            opset_imports={"": OPSET},
            name=name or "net",
        )
        return ir.Model(graph, ir_version=IR_VERSION, producer_name="cortado")

    def _output(self, top: str, blob: Blob) -> ir.Value:
        if blob.value.name is not None:  # an input, a constant, or an output under another name
            (blob,) = self.node("Identity", [blob], [blob.shape], {}, name=f"{top}/output")
        blob.value.name = self._names.take(top)
        return blob.value


def _value(shape: Shape, *, batched: bool) -> ir.Value:
    dims: tuple[int | str, ...] = ("N", *shape[1:]) if batched else shape
    return ir.Value(shape=ir.Shape(dims), type=ir.TensorType(ir.DataType.FLOAT))
