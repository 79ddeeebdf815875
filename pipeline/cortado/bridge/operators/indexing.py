"""Operators that take tensors apart, put them together, or convert them."""

from operator import getitem
from typing import Any

import onnx_ir as ir
import torch
from torch import fx
from torch.nn import functional as F

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator
from cortado.bridge.sizes import Item

__all__ = ["torch_dtype"]

_DTYPES = {
    ir.DataType.FLOAT: torch.float32,
    ir.DataType.FLOAT16: torch.float32,  # half precision is computed in float32
    ir.DataType.BFLOAT16: torch.float32,
    ir.DataType.DOUBLE: torch.float64,
    ir.DataType.INT8: torch.int8,
    ir.DataType.UINT8: torch.uint8,
    ir.DataType.INT16: torch.int16,
    ir.DataType.INT32: torch.int32,
    ir.DataType.INT64: torch.int64,
    ir.DataType.BOOL: torch.bool,
}

_PAD_MODES = frozenset({"reflect", "edge", "wrap"})


@operator("Concat")
def _concat(ctx: NodeContext) -> fx.Node:
    """Join tensors along an axis."""
    return ctx.call(torch.cat, ctx.inputs(), ctx.node.attributes.get_int("axis", 1))


@operator("Split")
def _split(ctx: NodeContext) -> tuple[fx.Node, ...]:
    """Cut along an axis, into parts of given sizes or as many equal ones as there are outputs."""
    axis = ctx.node.attributes.get_int("axis", 0)
    count = len(ctx.node.outputs)
    sizes: Any = ctx.axes("split", 1)
    if sizes is None:
        length = ctx.dims(0)[axis]
        if length is None:
            raise ctx.refusal("the axis that it splits must be of fixed size")
        # ONNX rounds the size of a part up; the last part may be smaller.
        sizes = -(-length // count)
    parts = ctx.call(torch.split, ctx.input(0), sizes, axis)
    return tuple(ctx.call(getitem, parts, index) for index in range(count))


@operator("Slice")
def _slice(ctx: NodeContext) -> fx.Node:
    """Take a range along each of some axes; limits beyond the ends are cut as Python's are."""
    starts, ends = (_limits(ctx, name, index) for index, name in ((1, "starts"), (2, "ends")))
    axes = ctx.axes("axes", 3) or tuple(range(len(starts)))
    steps = ctx.axes("steps", 4) or (1,) * len(starts)
    rank, x = ctx.rank(0), ctx.input(0)
    index: list[Any] = [slice(None)] * rank
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if step < 0:  # PyTorch's slices only go forwards
            x = ctx.call(_backwards, x, axis, (start, end, step))
        else:
            index[axis % rank] = slice(start, end, None if step == 1 else step)
    while index and index[-1] == slice(None):
        index.pop()
    return ctx.call(getitem, x, tuple(index)) if index else x


@operator("Gather")
def _gather(ctx: NodeContext) -> fx.Node:
    """Take the entries at some indices of an axis; negative ones count from the end."""
    x, axis = ctx.input(0), ctx.node.attributes.get_int("axis", 0)
    indices = ctx.known(1)
    if indices is not None and indices.ndim == 0:
        return ctx.call(torch.select, x, axis, int(indices))
    axis %= ctx.rank(0)
    return ctx.call(getitem, x, (*[slice(None)] * axis, ctx.input(1)))


@operator("Pad")
def _pad(ctx: NodeContext) -> fx.Node:
    """Add elements at the ends of axes: a constant, mirrored, or the edge's; or crop."""
    pads = _limits(ctx, "pads", 1)
    if ctx.has(3):
        pads = _spread_pads(ctx, pads)
    half = len(pads) // 2
    # F.pad takes the last axis first, and may leave out the first axes.
    sides = [(pads[axis], pads[axis + half]) for axis in reversed(range(half))]
    while sides and sides[-1] == (0, 0):
        sides.pop()
    flat = tuple(pad for side in sides for pad in side)
    mode = ctx.node.attributes.get_string("mode", "constant")
    if mode == "constant":
        fill = ctx.constant(2).item() if ctx.has(2) else 0.0
        fill = ctx.node.attributes.get_float("value", fill)
        return ctx.call(F.pad, ctx.input(0), flat, value=fill)
    if mode not in _PAD_MODES:
        raise ctx.refusal(f"mode {mode} is not supported")
    x = ctx.input(0)
    for index, side in enumerate(sides):
        x = ctx.call(_padded_with_copies, x, half - 1 - index, side, mode)
    return x


@operator("Cast")
def _cast(ctx: NodeContext) -> fx.Node:
    """Convert to another type."""
    target = ctx.node.attributes.get_int("to", 1)
    return ctx.method("to", ctx.input(0), torch_dtype(ctx, target))


@operator("CastLike")
def _cast_like(ctx: NodeContext) -> fx.Node:
    """Convert to the type of the second input."""
    return ctx.method("to", ctx.input(0), torch_dtype(ctx, ctx.dtype(1)))


def torch_dtype(ctx: NodeContext, dtype: int | None) -> torch.dtype:
    """Return PyTorch's type for one of ONNX; refuse the node if it has none."""
    target = ir.DataType(dtype or ir.DataType.UNDEFINED)
    if target not in _DTYPES:
        raise ctx.refusal(f"PyTorch lacks the type {target}")
    return _DTYPES[target]


def _backwards(x: torch.Tensor, axis: int, limits: tuple[int, int, int]) -> torch.Tensor:
    indices = range(*slice(*limits).indices(x.size(axis)))
    return x.index_select(axis, torch.tensor(indices, dtype=torch.int64, device=x.device))


def _padded_with_copies(
    x: torch.Tensor, axis: int, pads: tuple[int, int], mode: str
) -> torch.Tensor:
    """Lengthen an axis by its own elements, or shorten it where a pad is negative."""
    last = x.size(axis) - 1
    places = torch.arange(-pads[0], last + 1 + pads[1], device=x.device)
    if mode == "edge":
        places = places.clamp(0, last)
    elif mode == "wrap":
        places = places.remainder(last + 1)
    else:
        places = last - (last - places.remainder(max(2 * last, 1))).abs()
    return x.index_select(axis, places)


def _limits(ctx: NodeContext, name: str, index: int) -> tuple[Item, ...]:
    return ctx.sizes(index) if ctx.has(index) else tuple(ctx.node.attributes.get_ints(name, ()))


def _spread_pads(ctx: NodeContext, pads: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return pads for all axes, given those for the axes that input 3 names (opset 18 on)."""
    axes, rank = ctx.axes("axes", 3) or (), ctx.rank(0)
    spread: list[Item] = [0] * (2 * rank)
    for index, axis in enumerate(axes):
        spread[axis % rank] = pads[index]
        spread[axis % rank + rank] = pads[index + len(axes)]
    return tuple(spread)
