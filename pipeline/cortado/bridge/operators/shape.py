"""Operators that give a tensor another shape, or tell its shape."""

from typing import Any

import torch
from torch import fx, nn

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator
from cortado.bridge.sizes import Item, Sizes

__all__: list[str] = []


@operator("Identity")
def _identity(ctx: NodeContext) -> fx.Node:
    """Return the input itself."""
    return ctx.input(0)


@operator("Dropout")
def _dropout(ctx: NodeContext) -> fx.Node:
    """Drop elements in training, nothing otherwise; the mask is not available."""
    ratio = ctx.node.attributes.get_float("ratio", 0.5)
    if ctx.has(1):
        ratio = float(ctx.constant(1).item())
    return ctx.module(nn.Dropout(ratio), ctx.input(0))


@operator("Shape")
def _shape(ctx: NodeContext) -> Sizes:
    """Return the shape, number by number.

    A declared length counts as known, but for the first axis: that one may be the batch.
    """
    attributes, x = ctx.node.attributes, ctx.input(0)
    sizes = [
        ctx.method("size", x, axis) if size is None or axis == 0 else size
        for axis, size in enumerate(ctx.dims(0))
    ]
    return Sizes(tuple(sizes[attributes.get_int("start", 0) : attributes.get_int("end", None)]))


@operator("Flatten")
def _flatten(ctx: NodeContext) -> fx.Node:
    """Return a matrix: the axes before ``axis`` as rows, the others as columns."""
    x, rank = ctx.input(0), ctx.rank(0)
    axis = ctx.node.attributes.get_int("axis", 1)
    axis += rank if axis < 0 else 0
    if axis == 0:
        return ctx.call(torch.reshape, x, (1, -1))
    if axis == rank:
        return ctx.call(torch.reshape, x, (-1, 1))
    columns = ctx.call(torch.flatten, x, axis)
    return columns if axis == 1 else ctx.call(torch.flatten, columns, 0, axis - 1)


@operator("Reshape")
def _reshape(ctx: NodeContext) -> fx.Node:
    """Give the elements another shape: -1 is what remains, 0 what was there.

    A graph exported for one batch takes any: where the target leaves no axis open, its first
    becomes -1, which is the same for the batch of the export.
    """
    x, target = ctx.input(0), list(ctx.sizes(1))
    if not ctx.node.attributes.get_int("allowzero", 0):
        for axis, item in enumerate(target):
            if isinstance(item, int) and item == 0:
                target[axis] = ctx.method("size", x, axis)
    ctx.builder.tell_shape(ctx.node.outputs[0], target)
    keeps_first = bool(target) and _keeps_first_axis(ctx, target[0])
    if keeps_first and len(target) == 2 and ctx.rank(0) >= 2:
        return x if ctx.rank(0) == 2 else ctx.call(torch.flatten, x, 1)
    if target and -1 not in target and 0 not in target:
        target[0] = -1
    elif keeps_first:
        target[0] = ctx.method("size", x, 0)
    return ctx.call(torch.reshape, x, tuple(target))


@operator("Transpose")
def _transpose(ctx: NodeContext) -> fx.Node:
    """Permute the axes; by default reverse them."""
    axes = ctx.node.attributes.get_ints("perm", None)
    if axes is None:
        axes = range(ctx.rank(0))[::-1]
    return ctx.call(torch.permute, ctx.input(0), tuple(axes))


@operator("Squeeze")
def _squeeze(ctx: NodeContext) -> fx.Node:
    """Remove axes of length 1: some, or all that there are."""
    axes = ctx.axes("axes", 1)
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(ctx.dims(0)) if size == 1)
    return ctx.call(torch.squeeze, ctx.input(0), axes)


@operator("Unsqueeze")
def _unsqueeze(ctx: NodeContext) -> fx.Node:
    """Insert axes of length 1, counted in the output."""
    x, axes = ctx.input(0), ctx.axes("axes", 1) or ()
    rank = ctx.rank(0) + len(axes) if min(axes, default=0) < 0 else 0
    for axis in sorted(axis + rank if axis < 0 else axis for axis in axes):
        x = ctx.call(torch.unsqueeze, x, axis)
    return x


@operator("Expand")
def _expand(ctx: NodeContext) -> fx.Node:
    """Broadcast to a shape, which may itself have axes of length 1 or fewer axes."""
    target = ctx.sizes(1)
    dims = ctx.dims(0)
    if len(target) >= len(dims) and 1 not in target:
        ctx.builder.tell_shape(ctx.node.outputs[0], target)
    # An axis of length 1 in the target leaves the input's axis as it is: PyTorch's -1.
    first = len(target) - len(dims)
    kept: list[Any] = [
        -1 if item == 1 and axis >= first else item for axis, item in enumerate(target)
    ]
    return ctx.method("expand", ctx.input(0), *([-1] * -first), *kept)


@operator("Tile")
def _tile(ctx: NodeContext) -> fx.Node:
    """Repeat along each axis."""
    return ctx.call(torch.tile, ctx.input(0), ctx.sizes(1))


@operator("DepthToSpace")
def _depth_to_space(ctx: NodeContext) -> fx.Node:
    """Move channels into blocks: (n, b²c, h, w) → (n, c, bh, bw)."""
    x, block = ctx.input(0), ctx.node.attributes.get_int("blocksize", 1)
    if ctx.node.attributes.get_string("mode", "DCR") == "CRD":
        return ctx.call(torch.pixel_shuffle, x, block)
    # DCR counts the blocks outermost, pixel_shuffle innermost.
    split = ctx.call(torch.unflatten, x, 1, (block * block, -1))
    swapped = ctx.call(torch.flatten, ctx.call(torch.transpose, split, 1, 2), 1, 2)
    return ctx.call(torch.pixel_shuffle, swapped, block)


@operator("SpaceToDepth")
def _space_to_depth(ctx: NodeContext) -> fx.Node:
    """Move blocks into channels: (n, c, bh, bw) → (n, b²c, h, w), blocks outermost."""
    block = ctx.node.attributes.get_int("blocksize", 1)
    inner = ctx.call(torch.pixel_unshuffle, ctx.input(0), block)
    split = ctx.call(torch.unflatten, inner, 1, (-1, block * block))
    return ctx.call(torch.flatten, ctx.call(torch.transpose, split, 1, 2), 1, 2)


def _keeps_first_axis(ctx: NodeContext, first: Item) -> bool:
    dims = ctx.known_dims(0)
    if not dims:
        return False
    if isinstance(first, fx.Node):
        return first.target == "size" and first.args == (ctx.input(0), 0)
    return first > 0 and first == dims[0]
