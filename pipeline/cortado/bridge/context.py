"""The view of a function that translates an operator: one node, and the module so far.

An input can be read in the four ways that it may matter:

    input     a tensor                       the data and weights that an operator computes with
    operand   a tensor or a number           the two sides of an arithmetic operator
    constant  an array that is known by now  what steers an operator: axes, pads, limits
    sizes     numbers, or nodes for them     a shape, which may depend on the batch
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import getitem
from typing import Any

import onnx_ir as ir
from torch import fx, nn

from cortado.bridge.builder import Builder, identifier
from cortado.bridge.sizes import Item, Sizes
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["NodeContext"]


@dataclass(frozen=True)
class NodeContext:
    """One node to translate.

    Attributes
    ----------
    node : onnx_ir.Node
        The node.
    opset : int
        The version of the operator set that the node is of.
    builder : Builder
        Receives the calls.
    """

    node: ir.Node
    opset: int
    builder: Builder

    @property
    def name(self) -> str:
        """The name from which the names of the node's calls derive."""
        return identifier(self.node.name or self.node.outputs[0].name or self.node.op_type)

    def has(self, index: int) -> bool:
        """Return whether the node has an input at a position."""
        return index < len(self.node.inputs) and self.node.inputs[index] is not None

    def input(self, index: int) -> fx.Node:
        """Return an input as a tensor."""
        return self.builder.tensor(self._value(index))

    def optional(self, index: int) -> fx.Node | None:
        """Return an input as a tensor, or `None` if the node does without."""
        return self.input(index) if self.has(index) else None

    def inputs(self) -> list[fx.Node]:
        """Return all inputs as tensors."""
        return [self.input(index) for index in range(len(self.node.inputs))]

    def operand(self, index: int) -> fx.Node | int | float:
        """Return an input as a number if it is a scalar constant, else as a tensor."""
        known = self.known(index)
        if known is None or known.ndim or known.dtype.kind not in "iuf":
            return self.input(index)
        number: int | float = known.item()
        return number

    def constant(self, index: int) -> Array:
        """Return the array of an input; refuse the node if it depends on data."""
        known = self.known(index)
        if known is None:
            raise self.refusal(f"its input {self._value(index).name} is not constant")
        return known

    def known(self, index: int) -> Array | None:
        """Return the array of an input if it is constant."""
        return self.builder.known(self._value(index))

    def axes(self, name: str, index: int) -> tuple[int, ...] | None:
        """Return integers that are an attribute in older opsets, an input in newer ones."""
        if name in self.node.attributes:
            return tuple(self.node.attributes.get_ints(name, ()))
        if self.has(index):
            return tuple(int(axis) for axis in self.constant(index).reshape(-1))
        return None

    def sizes(self, index: int) -> tuple[Item, ...]:
        """Return the numbers of an input that holds a shape."""
        sizes = self.as_sizes(index)
        if sizes is not None:
            return sizes.items
        dims = self.known_dims(index)
        if dims is None or len(dims) != 1 or dims[0] is None:
            raise self.refusal(f"its input {self._value(index).name} is computed from data")
        items = self.method("tolist", self.input(index))
        return tuple(self.call(getitem, items, i) for i in range(dims[0]))

    def number(self, index: int) -> Any:
        """Return an input of one element as a number, or as the node that yields it."""
        sizes = self.as_sizes(index)
        if sizes is not None and len(sizes.items) == 1:
            return sizes.items[0]
        known = self.known(index)
        return self.method("item", self.input(index)) if known is None else known.item()

    def as_sizes(self, index: int) -> Sizes | None:
        """Return an input as a shape, or `None` if it is anything else."""
        known = self.builder.found(self._value(index))
        if isinstance(known, Sizes):
            return known
        array = self.known(index)
        if array is None or array.ndim > 1 or array.dtype.kind != "i":
            return None
        return Sizes(tuple(int(item) for item in array.reshape(-1)), array.ndim == 0)

    def rank(self, index: int) -> int:
        """Return the number of axes of an input."""
        return len(self.dims(index))

    def dims(self, index: int) -> tuple[int | None, ...]:
        """Return the shape of an input, with `None` where it is free."""
        dims = self.known_dims(index)
        if dims is None:
            raise self.refusal(f"the shape of its input {self._value(index).name} is unknown")
        return dims

    def known_dims(self, index: int) -> tuple[int | None, ...] | None:
        """Return the shape of an input like `dims`, or `None` if it is unknown."""
        return self.builder.dims(self._value(index))

    def dtype(self, index: int) -> ir.DataType | None:
        """Return the type of an input, or `None` if it is unknown."""
        return self._value(index).dtype

    def is_integer(self, index: int) -> bool:
        """Return whether an input is of an integer type."""
        dtype = self.dtype(index)
        return dtype is not None and dtype.is_integer()

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> fx.Node:
        """Add a call of a function."""
        return self.builder.graph.create_node(
            "call_function", function, args, options, name=self.name
        )

    def method(self, method: str, tensor: fx.Node, *args: Any) -> fx.Node:
        """Add a call of a method of a tensor."""
        return self.builder.graph.create_node(
            "call_method", method, (tensor, *args), name=self.name
        )

    def module(self, module: nn.Module, *args: Any) -> fx.Node:
        """Add a submodule and a call of it."""
        target = self.builder.add_module(self.name, module)
        return self.builder.graph.create_node("call_module", target, args, name=self.name)

    def bound(self, function: Callable[..., Any], *args: Any, options: tuple[Any, ...]) -> fx.Node:
        """Add a call of a function whose last arguments are no tensors, numbers or strings."""
        return self.module(_Bound(function, options), *args)

    def refusal(self, reason: str) -> CortadoError:
        """Return the error that names the node and says why it cannot be translated."""
        return CortadoError(f"{self.node.op_type} {self.name}: {reason}")

    def _value(self, index: int) -> ir.Value:
        value = self.node.inputs[index] if self.has(index) else None
        if value is None:
            raise self.refusal(f"its input {index} is absent")
        return value


class _Bound(nn.Module):
    """A function with its last arguments given: code cannot write those down."""

    def __init__(self, function: Callable[..., Any], options: tuple[Any, ...]) -> None:
        super().__init__()
        self.function = function
        self.options = options

    def forward(self, *args: Any) -> Any:
        return self.function(*args, *self.options)
