"""Small changes of a graph: constants with fresh names, and nodes put in the place of others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.model.typing import Array

__all__ = ["Surgery", "replace_constant"]


@dataclass(frozen=True)
class Surgery:
    """Adds nodes and constants to a graph, in place.

    Attributes
    ----------
    graph : onnx_ir.Graph
        The main graph of a model.
    taken : set of str
        Names of values that exist; those that are added join them.
    """

    graph: ir.Graph
    taken: set[str]

    @classmethod
    def of(cls, model: ir.Model) -> "Surgery":
        """Begin with a model whose graphs know the names of all their values."""
        graphs = list(model.graphs())
        inputs = [value.name for graph in graphs for value in graph.inputs]
        constants = [name for graph in graphs for name in graph.initializers]
        outputs = [x.name for graph in graphs for node in graph for x in node.outputs]
        return cls(model.graph, {name for name in (*inputs, *constants, *outputs) if name})

    def constant(self, name: str, array: Array) -> ir.Value:
        """Add an initializer, called `name` or, if there is such a value, something like it."""
        value = ir.Value(name=self._fresh(name))
        replace_constant(value, array)
        self.graph.register_initializer(value)
        return value

    def node(
        self,
        op_type: str,
        inputs: Sequence[ir.Value],
        before: ir.Node,
        name: str,
        attributes: Mapping[str, ir.Attr | int | Sequence[int]] | None = None,
        outputs: int = 1,
    ) -> list[ir.Value]:
        """Add a node in front of another; return its outputs, which take the node's name.

        Parameters
        ----------
        op_type : str
            An operator of ONNX's own domain.
        inputs : sequence of onnx_ir.Value
            What it reads.
        before : onnx_ir.Node
            The node that it precedes.
        name : str
            Its name, made fresh if need be.
        attributes : mapping, optional
            Its attributes.
        outputs : int
            How many it has.
        """
        base = self._fresh(name)
        names = [base, *(self._fresh(f"{base}_{index}") for index in range(1, outputs))]
        node = ir.node(op_type, inputs, attributes, num_outputs=outputs, name=base)
        for value, value_name in zip(node.outputs, names, strict=True):
            value.name = value_name
        self.graph.insert_before(before, node)
        return list(node.outputs)

    def behind(self, value: ir.Value) -> ir.Node:
        """Return the first node that could read a value, which has a reader."""
        nodes, producer = list(self.graph), value.producer()
        return nodes[0 if producer is None else nodes.index(producer) + 1]

    def replace(self, old: ir.Node, result: ir.Value) -> None:
        """Remove a node of one output, whose name and users `result` takes over."""
        (output,) = old.outputs
        name = output.name
        result.type, result.shape = output.type, output.shape
        ir.convenience.replace_all_uses_with(output, result, replace_graph_outputs=True)
        self.graph.remove(old, safe=True)
        result.name = name

    def _fresh(self, name: str) -> str:
        fresh, count = name, 1
        while fresh in self.taken:
            count += 1
            fresh = f"{name}_{count}"
        self.taken.add(fresh)
        return fresh


def replace_constant(value: ir.Value, array: Array, dtype: ir.DataType | None = None) -> None:
    """Give a value other contents, of any type and shape; its name stays.

    Parameters
    ----------
    value : onnx_ir.Value
        An initializer, or one about to be.
    array : array
        The contents.
    dtype : onnx_ir.DataType, optional
        The type in the file, if it is narrower than that of the array.
    """
    contents = np.ascontiguousarray(array).reshape(array.shape)  # the first makes () an (1,)
    if dtype is not None:
        contents = contents.astype(dtype.numpy())
    tensor = ir.Tensor(contents, name=value.name)
    value.const_value, value.shape = tensor, tensor.shape
    value.type = ir.TensorType(tensor.dtype)  # a clone shares the old one with its original
