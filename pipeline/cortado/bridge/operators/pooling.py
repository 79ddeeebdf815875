"""MaxPool, AveragePool and LpPool, in 1 to 3 dimensions, and their global forms.

With ``ceil_mode``, a last window that starts inside the input or the pads in front of it counts
although it reaches over the end; PyTorch has the same rule. It is resolved into pads where
PyTorch cannot pad by itself.
"""

from dataclasses import replace
from operator import getitem
from typing import Any

import numpy as np
import torch
from torch import fx
from torch.nn import functional as F

from cortado.bridge.context import NodeContext
from cortado.bridge.operators.pooled import (
    max_pool_with_places,
    pool_regions,
    put_back,
    window_norms,
    window_sums,
)
from cortado.bridge.operators.window import Window, read_padded_window
from cortado.bridge.registry import operator
from cortado.bridge.sizes import Item

__all__: list[str] = []

_MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


@operator("MaxPool")
def _max_pool(ctx: NodeContext) -> fx.Node | tuple[fx.Node, ...]:
    """Return the largest element of each window, and on demand its place; pads never win."""
    window, data = _window(ctx), ctx.input(0)
    if len(ctx.node.outputs) > 1 and ctx.node.outputs[1].uses():
        column_major = ctx.node.attributes.get_int("storage_order", 0)
        window = _without_ceiling(ctx, window)
        pair = ctx.bound(max_pool_with_places, data, options=(window, column_major))
        return ctx.call(getitem, pair, 0), ctx.call(getitem, pair, 1)
    options: dict[str, Any] = {"dilation": window.dilation} if max(window.dilation) > 1 else {}
    if _pads_by_itself(window):
        options |= _padding(window) | _ceiling(ctx)
    else:
        window = _without_ceiling(ctx, window)
        data = window.pad(ctx, data, float("-inf"))
    return ctx.call(_MAX[len(window.kernel)], data, window.kernel, window.stride, **options)


@operator("AveragePool")
def _average_pool(ctx: NodeContext) -> fx.Node:
    """Return the mean of each window; pads count if ``count_include_pad`` says so."""
    window = _window(ctx)
    is_dilated = max(window.dilation) > 1
    if _pads_by_itself(window) and not is_dilated:
        return _natively_averaged(ctx, window)
    include = ctx.node.attributes.get_int("count_include_pad", 0)
    if include and _ceiling(ctx):
        raise ctx.refusal("ceil_mode with counted pads that differ by side is not supported")
    if is_dilated:
        return _dilated_average(ctx, _without_ceiling(ctx, window), include)
    window = _without_ceiling(ctx, window)
    pool, size = _AVERAGE[len(window.kernel)], (window.kernel, window.stride)
    sums = ctx.call(pool, window.pad(ctx, ctx.input(0)), *size)
    if include:
        return sums
    # Which part of each window lies inside depends on the sizes alone: one map serves the batch.
    inside = ctx.call(torch.ones_like, ctx.call(torch.narrow, ctx.input(0), 0, 0, 1))
    parts = ctx.call(pool, window.pad(ctx, inside), *size)
    return ctx.call(torch.div, sums, parts)


@operator("GlobalAveragePool")
def _global_average_pool(ctx: NodeContext) -> fx.Node:
    """Return the mean of each channel, with axes of length 1 in place of the spatial ones."""
    return ctx.call(torch.mean, ctx.input(0), _spatial(ctx), keepdim=True)


@operator("GlobalMaxPool")
def _global_max_pool(ctx: NodeContext) -> fx.Node:
    """Return the largest element of each channel, with axes of length 1."""
    return ctx.call(torch.amax, ctx.input(0), _spatial(ctx), keepdim=True)


@operator("LpPool")
def _lp_pool(ctx: NodeContext) -> fx.Node:
    """Return the p-norm of each window."""
    window, p = _window(ctx), ctx.node.attributes.get_int("p", 2)
    return ctx.bound(window_norms, ctx.input(0), options=(_without_ceiling(ctx, window), p))


@operator("GlobalLpPool")
def _global_lp_pool(ctx: NodeContext) -> fx.Node:
    """Return the p-norm of each channel, with axes of length 1."""
    p = ctx.node.attributes.get_int("p", 2)
    return ctx.call(torch.linalg.vector_norm, ctx.input(0), p, _spatial(ctx), keepdim=True)


@operator("MaxUnpool")
def _max_unpool(ctx: NodeContext) -> fx.Node:
    """Put elements back to the places that a MaxPool took them from; all else is zero."""
    window = _window(ctx)
    if ctx.has(2):
        shape: tuple[Item | None, ...] = ctx.sizes(2)
    else:
        shape = (None, None, *(_unpooled(ctx, window, axis) for axis in range(len(window.kernel))))
    return ctx.call(put_back, ctx.input(0), ctx.input(1), shape)


@operator("MaxRoiPool")
def _max_roi_pool(ctx: NodeContext) -> fx.Node:
    """Return the largest element of each bin of regions, (n, 5): image, x1, y1, x2, y2."""
    grid = tuple(ctx.node.attributes.get_ints("pooled_shape"))
    scale = ctx.node.attributes.get_float("spatial_scale", 1.0)
    return ctx.call(pool_regions, ctx.input(0), ctx.input(1), grid, scale)


def _unpooled(ctx: NodeContext, window: Window, axis: int) -> int:
    size = ctx.dims(0)[2 + axis]
    if size is None:
        raise ctx.refusal("without an output shape it needs an input of fixed height and width")
    pads = window.begin[axis] + window.end[axis]
    return (size - 1) * window.stride[axis] + window.kernel[axis] - pads


def _dilated_average(ctx: NodeContext, window: Window, include: int) -> fx.Node:
    sums = ctx.bound(window_sums, ctx.input(0), options=(window,))
    if include:
        return ctx.call(torch.div, sums, float(np.prod(window.kernel)))
    inside = ctx.call(torch.ones_like, ctx.call(torch.narrow, ctx.input(0), 0, 0, 1))
    return ctx.call(torch.div, sums, ctx.bound(window_sums, inside, options=(window,)))


def _spatial(ctx: NodeContext) -> tuple[int, ...]:
    return tuple(range(2, ctx.rank(0)))


def _natively_averaged(ctx: NodeContext, window: Window) -> fx.Node:
    options = _padding(window) | _ceiling(ctx)
    if max(window.begin) and not ctx.node.attributes.get_int("count_include_pad", 0):
        options["count_include_pad"] = False
    pool = _AVERAGE[len(window.kernel)]
    return ctx.call(pool, ctx.input(0), window.kernel, window.stride, **options)


def _window(ctx: NodeContext) -> Window:
    kernel = tuple(ctx.node.attributes.get_ints("kernel_shape", ()))
    if len(kernel) not in _MAX:
        raise ctx.refusal(f"windows of {len(kernel)} axes are not supported")
    return read_padded_window(ctx, kernel)


def _pads_by_itself(window: Window) -> bool:
    """Return whether PyTorch's pooling can pad: the same on both sides, at most half a window."""
    half = all(2 * pad <= kernel for pad, kernel in zip(window.begin, window.kernel, strict=True))
    return window.is_symmetric and half


def _padding(window: Window) -> dict[str, Any]:
    return {"padding": window.begin} if max(window.begin) else {}


def _ceiling(ctx: NodeContext) -> dict[str, Any]:
    return {"ceil_mode": True} if ctx.node.attributes.get_int("ceil_mode", 0) else {}


def _without_ceiling(ctx: NodeContext, window: Window) -> Window:
    """Return a window whose pads at the end give the output of ``ceil_mode``."""
    if not _ceiling(ctx):
        return window
    end = tuple(_end_pad(ctx, window, axis) for axis in range(len(window.kernel)))
    return replace(window, end=end)


def _end_pad(ctx: NodeContext, window: Window, axis: int) -> int:
    size = ctx.dims(0)[2 + axis]
    if size is None:
        raise ctx.refusal("its ceil_mode needs an input of fixed height and width")
    reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1
    stride, begin = window.stride[axis], window.begin[axis]
    count = -(-(begin + size + window.end[axis] - reach) // stride) + 1
    if (count - 1) * stride >= size + begin:
        count -= 1
    return (count - 1) * stride + reach - size - begin
