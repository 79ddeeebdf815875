"""The module under construction: its graph, its tensors, and what has been translated.

What an initializer becomes:

    floats of rank 1 or more           a parameter
    the statistics of a BatchNorm      a buffer: they are measured, not trained
    floats that are not finite         a buffer: a mask
    anything else                      a buffer

An array inside a Constant node is a buffer too, and so is what nodes compute from constants alone.
Each value becomes one attribute, however many nodes use it; what only steers an operator (a shape,
axes, pads) becomes a literal instead. Floats of half precision become float32, and so does all
that is computed with them.
"""

import keyword
import re
from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir
import torch
from torch import fx, nn

from cortado.bridge.shapes import dims_of
from cortado.bridge.sizes import Item, Sizes
from cortado.errors import CortadoError
from cortado.model.graph.nodes import is_standard
from cortado.model.graph.origins import HALVES, TRAINABLE
from cortado.model.typing import Array

__all__ = ["Builder", "identifier"]

_TAKEN = frozenset(dir(fx.GraphModule)) | vars(nn.Module()).keys()


class Builder:
    """Collects the nodes and tensors of a module.

    Parameters
    ----------
    infer : callable
        Infers the shapes of the graph again, once the walk has found out some.

    Attributes
    ----------
    graph : torch.fx.Graph
        The calls so far.
    values : dict of onnx_ir.Value to torch.fx.Node or Sizes
        What each ONNX value has become.
    constants : dict of onnx_ir.Value to array
        What nodes have computed from constants alone.
    attributes : dict of str to str
        Initializer name → attribute of the module, for those that the graph has used.
    """

    def __init__(self, infer: Callable[[], None] = lambda: None) -> None:
        self.graph = fx.Graph()
        self.values: dict[ir.Value, fx.Node | Sizes] = {}
        self.constants: dict[ir.Value, Array] = {}
        self.attributes: dict[str, str] = {}
        self._root = nn.Module()
        self._infer = infer
        self._has_new_shapes = False

    def add_input(self, value: ir.Value) -> None:
        """Add an argument of the module's `forward`."""
        node = self.graph.placeholder(identifier(value.name or "input"))
        if value.dtype in HALVES:
            node = self.graph.call_method("float", (node,))
        self.values[value] = node

    def add_module(self, name: str, module: nn.Module) -> str:
        """Add a submodule; return the name that it got."""
        name = self._free_name(name)
        self._root.add_module(name, module)
        return name

    def tensor(self, value: ir.Value) -> fx.Node:
        """Return the node that yields a value as a tensor."""
        known = self.found(value)
        if isinstance(known, fx.Node):
            return known
        if known is not None:
            items = known.items[0] if known.is_scalar else list(known.items)
            return self.graph.call_function(torch.tensor, (items,), {"device": self.device()})
        node = self._constant(value)
        self.values[value] = node
        return node

    def found(self, value: ir.Value) -> fx.Node | Sizes | None:
        """Return what a value has become; None for a constant that no tensor was asked of."""
        return self.values.get(value)

    def device(self) -> fx.Node | str:
        """Return where the inputs are, for tensors that the code makes of numbers."""
        first = next(iter(self.graph.nodes), None)
        if first is None or first.op != "placeholder":
            return "cpu"
        return self.graph.call_function(getattr, (first, "device"))

    def known(self, value: ir.Value) -> Array | None:
        """Return the array of a value that is constant, whether it is trained or not."""
        sizes = self.found(value)
        if isinstance(sizes, Sizes) and all(isinstance(item, int) for item in sizes.items):
            return np.array(sizes.items[0] if sizes.is_scalar else sizes.items)
        if value in self.constants:
            return self.constants[value]
        tensor = ir.convenience.get_const_tensor(value)
        if tensor is None:
            return None
        return tensor.numpy().astype(np.float32) if tensor.dtype in HALVES else tensor.numpy()

    def fixed(self, value: ir.Value) -> Array | None:
        """Return the array of a value that is constant and stays so in training."""
        array = self.known(value)
        return None if array is None or _is_trainable(value, array) else array

    def tell_shape(self, value: ir.Value, items: Sequence[Item]) -> None:
        """Note the shape of a value whose shape could not be inferred from the graph alone."""
        if value.shape is None:
            value.shape = ir.Shape(
                [item if isinstance(item, int) and item > 0 else None for item in items]
            )
            self._has_new_shapes = True

    def dims(self, value: ir.Value) -> tuple[int | None, ...] | None:
        """Return the shape of a value, with `None` where it is free; `None` if it is unknown."""
        if value.shape is None and self._has_new_shapes:
            self._has_new_shapes = False
            self._infer()
        return dims_of(value)

    def finish(self, outputs: list[fx.Node]) -> fx.GraphModule:
        """Return the module that yields these outputs: one tensor, or a tuple of several."""
        self.graph.output(outputs[0] if len(outputs) == 1 else tuple(outputs))
        self.graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output"))
        return fx.GraphModule(self._root, self.graph)

    def _constant(self, value: ir.Value) -> fx.Node:
        return self.graph.get_attr(self._store(value))

    def _store(self, value: ir.Value) -> str:
        array = self.known(value)
        assert array is not None  # the walk binds everything that a node computes
        name = self._free_name(identifier(value.name or "constant"))
        try:
            tensor = torch.tensor(np.asarray(array))  # a copy, where PyTorch computes fastest
        except TypeError as error:
            raise CortadoError(f"{value.name} is {value.dtype}: PyTorch lacks it") from error
        if _is_trainable(value, array):
            self._root.register_parameter(name, nn.Parameter(tensor))
        else:
            self._root.register_buffer(name, tensor)
        if value.is_initializer():
            self.attributes[str(value.name)] = name
        return name

    def _free_name(self, name: str) -> str:
        while name in _TAKEN or hasattr(self._root, name):
            name += "_"
        return name


def identifier(name: str) -> str:
    """Return a Python identifier like `name`: ``/conv1/Conv`` → ``conv1_Conv``."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "value"
    return f"_{word}" if word[0].isdigit() or keyword.iskeyword(word) else word


def _is_trainable(value: ir.Value, array: Array) -> bool:
    is_weight = value.is_initializer() and value.dtype in TRAINABLE and array.ndim > 0
    return is_weight and not _is_statistic(value) and bool(np.isfinite(array).all())


def _is_statistic(value: ir.Value) -> bool:
    return any(is_standard(node, "BatchNormalization") and i >= 3 for node, i in value.uses())
