"""An If whose condition is known only when the module runs: both branches, of which one runs.

    y = then(values)    if the condition is true
    y = else(values)    otherwise

Each branch is a module of its own without tensors: weights, too, are arguments of it, so that each
initializer is one attribute of the whole module, wherever it is used. A weight that only the other
branch reads has no gradient.
"""

from collections.abc import Sequence
from typing import Any

import onnx_ir as ir
from torch import Tensor, fx, nn

from cortado.bridge.builder import Builder
from cortado.bridge.sizes import Item, Sizes

__all__ = ["Branch", "Choice"]


class Branch(Builder):
    """The module of a branch under construction.

    Parameters
    ----------
    outer : Builder
        Builds what the If is in.

    Attributes
    ----------
    arguments : dict of torch.fx.Node to torch.fx.Node
        What the branch reads from outside, by nodes of `outer` in order → its own node for it.
    """

    def __init__(self, outer: Builder) -> None:
        super().__init__()
        self.constants = outer.constants
        self.arguments: dict[fx.Node, fx.Node] = {}
        self._outer = outer

    def found(self, value: ir.Value) -> fx.Node | Sizes | None:
        """Return what a value has become, here or outside."""
        if value not in self.values:
            outside = self._outer.found(value)
            if isinstance(outside, Sizes):
                items = tuple(map(self._item, outside.items))
                self.values[value] = Sizes(items, outside.is_scalar)
            elif outside is not None:
                self.values[value] = self._argument(outside)
        return super().found(value)

    def device(self) -> fx.Node | str:
        """Return where the inputs are, for tensors that the code makes of numbers."""
        device = self._outer.device()
        return device if isinstance(device, str) else self._argument(device)

    def tell_shape(self, value: ir.Value, items: Sequence[Item]) -> None:
        """Note the shape of a value whose shape could not be inferred from the graph alone."""
        self._outer.tell_shape(value, items)

    def dims(self, value: ir.Value) -> tuple[int | None, ...] | None:
        """Return the shape of a value, with `None` where it is free; `None` if it is unknown."""
        return self._outer.dims(value)

    def _constant(self, value: ir.Value) -> fx.Node:
        return self._argument(self._outer.tensor(value))

    def _item(self, item: Item) -> Item:
        return item if isinstance(item, int) else self._argument(item)

    def _argument(self, outside: fx.Node) -> fx.Node:
        if outside not in self.arguments:
            self.arguments[outside] = self.graph.placeholder(outside.name)
        return self.arguments[outside]


class Choice(nn.Module):
    """Runs one of two branches.

    Parameters
    ----------
    then, otherwise : torch.nn.Module
        The branches; both return one tensor, or as many as the If has outputs.
    """

    def __init__(self, then: nn.Module, otherwise: nn.Module) -> None:
        super().__init__()
        self.then = then
        self.otherwise = otherwise

    def forward(
        self, condition: Tensor, for_then: tuple[Any, ...], for_otherwise: tuple[Any, ...]
    ) -> Any:
        """Return what the branch gives that a condition of one element chooses."""
        return self.then(*for_then) if bool(condition) else self.otherwise(*for_otherwise)
