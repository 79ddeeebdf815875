"""The ONNX graph under construction.

Every value carries the shape that Caffe would compute for the prototxt's batch size, since
Caffe's rules (paddings of pools, flattening) need numbers. In the graph itself the first
dimension of whatever depends on a batched input is the symbol "N".

A layer that selects items (Filter) gives its tops a number of items of their own: another symbol
than "N". Whatever mixes blobs of two symbols is refused.

Values get their names at the end, because a blob may have several (layers such as Dropout only
rename) and the ones that users look up come first: inputs, outputs, then all other blobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np
import onnx_ir as ir

from cortado.caffe.naming import UniqueNames
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = [
    "BATCH",
    "MAX_AXES",
    "MAX_COUNT",
    "Attributes",
    "Blob",
    "GraphBuilder",
    "Out",
    "Shape",
]

BATCH = "N"
"""The symbol of the batch size."""

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
    symbol : str
        What its first dimension is called: `BATCH`, or another number of items that only a run
        tells; empty where it is the number that `shape` states.
    """

    value: ir.Value
    shape: Shape
    symbol: str = ""

    @property
    def batched(self) -> bool:
        """Whether its first dimension is open."""
        return bool(self.symbol)

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)


@dataclass(frozen=True)
class Out:
    """The outputs that a node should have.

    Attributes
    ----------
    shape : tuple of int
        The shape, for the batch size of the prototxt.
    dtype : onnx_ir.DataType
        The type of its values.
    symbol : str, optional
        As in `Blob`; by default the one that the node's inputs have.
    """

    shape: Shape
    dtype: ir.DataType = ir.DataType.FLOAT
    symbol: str | None = None


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
        blob = _blob(Out(shape), BATCH if batched else "")
        blob.value.name = self._names.take(name)
        self._inputs.append(blob.value)
        return blob

    def initializer(self, name: str, array: Array) -> Blob:
        """Add a parameter; one that is there already under this name is used again.

        Layers that share a parameter may want it in different shapes: later ones reshape it.
        """
        known = self._initializers.get(name)
        if known is None:
            return self._add(self._names.take(name), array)
        if not _holds(known, array):
            raise CortadoError(f"{name} is shared by layers that want it in different forms")
        return known if known.shape == array.shape else self._reshaped(known, array.shape)

    def constant(self, name: str, array: Array) -> Blob:
        """Add a constant that is no parameter, perhaps under another name: layers may share one."""
        known = self._initializers.get(name)
        if known is not None and known.shape == array.shape and _holds(known, array):
            return known
        return self._add(self._names.take(name), array)

    def _add(self, name: str, array: Array) -> Blob:
        tensor = ir.Tensor(array, name=name)
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
        outs: Sequence[Out],
        attributes: Attributes,
        name: str,
    ) -> tuple[Blob, ...]:
        """Add a node with these outputs."""
        symbols = {blob.symbol for blob in inputs if blob.symbol}
        if len(symbols) > 1 and any(out.symbol is None for out in outs):
            raise CortadoError(
                f"layer {name!r}: its bottoms have numbers of items that may differ in every run"
            )
        for shape in (out.shape for out in outs):
            too_large = prod(shape) > MAX_COUNT or len(shape) > MAX_AXES
            if too_large or min(shape, default=1) < 1:
                raise CortadoError(f"layer {name!r}: no blob can have the shape {list(shape)}")
        outputs = tuple(_blob(out, next(iter(symbols), "")) for out in outs)
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

    def _reshaped(self, blob: Blob, shape: Shape) -> Blob:
        name = str(blob.value.name)
        target = self.constant(f"{name}/shape", np.asarray(shape, np.int64))
        (reshaped,) = self.node("Reshape", [blob, target], [Out(shape)], {}, f"{name}/reshape")
        return reshaped

    def _output(self, top: str, blob: Blob) -> ir.Value:
        if blob.value.name is not None:  # an input, a constant, or an output under another name
            (blob,) = self.node("Identity", [blob], [Out(blob.shape)], {}, name=f"{top}/output")
        blob.value.name = self._names.take(top)
        return blob.value


def _blob(out: Out, symbol: str) -> Blob:
    if out.symbol is not None:
        symbol = out.symbol
    if out.shape == ():
        symbol = ""
    dims: tuple[int | str, ...] = (symbol, *out.shape[1:]) if symbol else out.shape
    value = ir.Value(shape=ir.Shape(dims), type=ir.TensorType(out.dtype))
    return Blob(value, out.shape, symbol)


def _holds(blob: Blob, array: Array) -> bool:
    tensor = blob.value.const_value
    return tensor is not None and np.array_equal(
        tensor.numpy().ravel(), array.ravel(), equal_nan=True
    )
