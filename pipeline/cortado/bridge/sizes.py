"""Shapes that are known only when the module runs.

A graph may compute the target of a Reshape from the shape of a tensor, so that the batch stays
free: Shape → Gather → Concat → Reshape. In PyTorch a shape is no tensor but a tuple of numbers,
and so it is here: a value that holds a shape becomes `Sizes`, whose items are numbers, or the
nodes that yield them. Thus nothing is copied from the device, and the code reads
``x.size(0)`` where the graph takes four nodes.
"""

from dataclasses import dataclass
from typing import TypeAlias

from torch import fx

__all__ = ["Item", "Sizes"]

Item: TypeAlias = int | fx.Node


@dataclass(frozen=True)
class Sizes:
    """An integer vector or scalar that is known number by number.

    Attributes
    ----------
    items : tuple of int or torch.fx.Node
        The numbers, or the nodes that yield a Python integer.
    is_scalar : bool
        Whether the value has rank 0 (and one item) instead of rank 1.
    """

    items: tuple[Item, ...]
    is_scalar: bool = False
