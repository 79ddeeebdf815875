"""The few operators with which graphs compute one shape from another, number by number."""

import operator as python
from collections.abc import Callable
from typing import Any

import onnx_ir as ir
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import size_operator
from cortado.bridge.sizes import Item, Sizes

__all__: list[str] = []

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "Add": python.add,
    "Sub": python.sub,
    "Mul": python.mul,
    "Div": python.floordiv,  # lengths are positive
}


@size_operator("Identity")
def _identity(ctx: NodeContext) -> Sizes | None:
    """Return the shape itself."""
    return ctx.as_sizes(0)


@size_operator("Cast")
def _cast(ctx: NodeContext) -> Sizes | None:
    """Keep integers of any width as they are."""
    target = ir.DataType(ctx.node.attributes.get_int("to", 1))
    return ctx.as_sizes(0) if target.is_integer() else None


@size_operator("Gather")
def _gather(ctx: NodeContext) -> Sizes | None:
    """Pick numbers."""
    items, indices = ctx.sizes(0), ctx.known(1)
    if indices is None:
        return None
    picked = tuple(items[int(index)] for index in indices.reshape(-1))
    return Sizes(picked, is_scalar=indices.ndim == 0)


@size_operator("Slice")
def _slice(ctx: NodeContext) -> Sizes | None:
    """Take a range of numbers."""
    (start,), (end,) = ctx.axes("starts", 1) or (0,), ctx.axes("ends", 2) or (None,)
    (step,) = ctx.axes("steps", 4) or (1,)
    return Sizes(ctx.sizes(0)[start:end:step])


@size_operator("Concat")
def _concat(ctx: NodeContext) -> Sizes | None:
    """Join the numbers of several shapes."""
    parts = [ctx.sizes(index) for index in range(len(ctx.node.inputs))]
    return Sizes(tuple(item for part in parts for item in part))


@size_operator("Unsqueeze")
def _unsqueeze(ctx: NodeContext) -> Sizes | None:
    """Turn a number into a shape of one axis."""
    data = ctx.as_sizes(0)
    return Sizes(data.items) if data is not None and data.is_scalar else None


@size_operator("Squeeze")
def _squeeze(ctx: NodeContext) -> Sizes | None:
    """Turn a shape of one axis into a number."""
    return Sizes(ctx.sizes(0), is_scalar=True) if len(ctx.sizes(0)) == 1 else None


@size_operator("Reshape")
def _reshape(ctx: NodeContext) -> Sizes | None:
    """Turn a number or a shape into a shape: the target has one axis."""
    return Sizes(ctx.sizes(0)) if len(ctx.sizes(1)) == 1 else None


@size_operator("ConstantOfShape")
def _constant_of_shape(ctx: NodeContext) -> Sizes | None:
    """Return the same integer again and again."""
    tensor = ctx.node.attributes.get_tensor("value", None)
    (count,) = ctx.sizes(0) if len(ctx.sizes(0)) == 1 else (None,)
    if tensor is None or not tensor.dtype.is_integer() or not isinstance(count, int):
        return None
    return Sizes((int(tensor.numpy().item()),) * count)


@size_operator(*_ARITHMETIC)
def _arithmetic(ctx: NodeContext) -> Sizes | None:
    """Combine numbers pairwise, or all with one."""
    left, right = ctx.as_sizes(0), ctx.as_sizes(1)
    # The walk calls a size operator only where every input is a shape.
    assert left is not None
    assert right is not None
    count = max(len(left.items), len(right.items))
    pairs = zip(_repeated(left.items, count), _repeated(right.items, count), strict=True)
    items = tuple(_combine(ctx, a, b) for a, b in pairs)
    return Sizes(items, left.is_scalar and right.is_scalar)


@size_operator("Shape")
def _shape(ctx: NodeContext) -> Sizes | None:
    """Return how many numbers there are."""
    data = ctx.as_sizes(0)
    return None if data is None or data.is_scalar else Sizes((len(data.items),))


@size_operator("Equal")
def _equal(ctx: NodeContext) -> Sizes | None:
    """Compare pairwise; a length is never negative, as the -1 is that exporters look for."""
    left, right = ctx.sizes(0), ctx.sizes(1)
    count = max(len(left), len(right))
    pairs = list(zip(_repeated(left, count), _repeated(right, count), strict=True))
    if not all(_is_decided(a, b) for a, b in pairs):
        return None
    return Sizes(tuple(a == b for a, b in pairs))


@size_operator("Where")
def _where(ctx: NodeContext) -> Sizes | None:
    """Choose pairwise."""
    chosen, left, right = ctx.sizes(0), ctx.sizes(1), ctx.sizes(2)
    if any(isinstance(item, fx.Node) for item in chosen):
        return None
    count = max(len(chosen), len(left), len(right))
    parts = (_repeated(part, count) for part in (chosen, left, right))
    return Sizes(tuple(a if choice else b for choice, a, b in zip(*parts, strict=True)))


def _is_decided(a: Item, b: Item) -> bool:
    if isinstance(a, fx.Node) and isinstance(b, fx.Node):
        return a is b
    return not any(isinstance(item, fx.Node) for item in (a, b)) or _is_negative(a, b)


def _is_negative(*items: Item) -> bool:
    return any(isinstance(item, int) and item < 0 for item in items)


def _repeated(items: tuple[Item, ...], count: int) -> tuple[Item, ...]:
    return items * count if len(items) == 1 else items


def _combine(ctx: NodeContext, a: Item, b: Item) -> Item:
    function = _ARITHMETIC[ctx.node.op_type]
    if isinstance(a, fx.Node) or isinstance(b, fx.Node):
        return ctx.call(function, a, b)
    return int(function(a, b))
