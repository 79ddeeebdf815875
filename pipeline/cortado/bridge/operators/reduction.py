"""Sums, means and extremes along axes, their positions, and running sums.

The axes are an attribute or an input, as the opset has it; none means all, or none at all
(the identity) with ``noop_with_empty_axes``.
"""

import operator as python
from collections.abc import Callable

import torch
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__: list[str] = []


@operator("ReduceMean")
def _reduce_mean(ctx: NodeContext) -> fx.Node:
    """Return the mean."""
    return _reduce(ctx, ctx.input(0), torch.mean)


@operator("ReduceSum")
def _reduce_sum(ctx: NodeContext) -> fx.Node:
    """Return the sum."""
    return _reduce(ctx, ctx.input(0), torch.sum)


@operator("ReduceMax")
def _reduce_max(ctx: NodeContext) -> fx.Node:
    """Return the largest element."""
    return _reduce(ctx, ctx.input(0), torch.amax)


@operator("ReduceMin")
def _reduce_min(ctx: NodeContext) -> fx.Node:
    """Return the smallest element."""
    return _reduce(ctx, ctx.input(0), torch.amin)


@operator("ReduceL1")
def _reduce_l1(ctx: NodeContext) -> fx.Node:
    """Return the sum of absolute values."""
    return _reduce(ctx, ctx.call(torch.abs, ctx.input(0)), torch.sum)


@operator("ReduceL2")
def _reduce_l2(ctx: NodeContext) -> fx.Node:
    """Return the Euclidean norm."""
    return ctx.call(torch.sqrt, _reduce_sum_square(ctx))


@operator("ReduceSumSquare")
def _reduce_sum_square(ctx: NodeContext) -> fx.Node:
    """Return the sum of squares."""
    return _reduce(ctx, ctx.call(torch.square, ctx.input(0)), torch.sum)


@operator("ReduceLogSumExp")
def _reduce_log_sum_exp(ctx: NodeContext) -> fx.Node:
    """Return the logarithm of the sum of exponentials."""
    return _reduce(ctx, ctx.input(0), torch.logsumexp)


@operator("ReduceLogSum")
def _reduce_log_sum(ctx: NodeContext) -> fx.Node:
    """Return the logarithm of the sum."""
    return ctx.call(torch.log, _reduce_sum(ctx))


@operator("ReduceProd")
def _reduce_prod(ctx: NodeContext) -> fx.Node:
    """Return the product."""
    return _reduce(ctx, ctx.input(0), _product)


@operator("CumSum")
def _cum_sum(ctx: NodeContext) -> fx.Node:
    """Return the sums of all elements up to each along an axis."""
    return _cumulate(ctx, torch.cumsum, 0)


@operator("CumProd")
def _cum_prod(ctx: NodeContext) -> fx.Node:
    """Return the products of all elements up to each along an axis."""
    return _cumulate(ctx, torch.cumprod, 1)


@operator("ArgMax")
def _arg_max(ctx: NodeContext) -> fx.Node:
    """Return where the largest element is."""
    return _locate(ctx, torch.argmax)


@operator("ArgMin")
def _arg_min(ctx: NodeContext) -> fx.Node:
    """Return where the smallest element is."""
    return _locate(ctx, torch.argmin)


def _reduce(ctx: NodeContext, data: fx.Node, function: Callable[..., torch.Tensor]) -> fx.Node:
    axes = ctx.axes("axes", 1)
    if not axes:
        if ctx.node.attributes.get_int("noop_with_empty_axes", 0):
            return data
        axes = tuple(range(ctx.rank(0)))
    return ctx.call(function, data, axes, keepdim=bool(ctx.node.attributes.get_int("keepdims", 1)))


def _locate(ctx: NodeContext, function: Callable[..., torch.Tensor]) -> fx.Node:
    """Return the first place of an extreme, or the last one with ``select_last_index``."""
    x, axis = ctx.input(0), ctx.node.attributes.get_int("axis", 0)
    keepdim = bool(ctx.node.attributes.get_int("keepdims", 1))
    if not ctx.node.attributes.get_int("select_last_index", 0):
        return ctx.call(function, x, axis, keepdim=keepdim)
    behind = ctx.call(function, ctx.call(torch.flip, x, (axis,)), axis, keepdim=keepdim)
    last = ctx.call(python.sub, ctx.method("size", x, axis), 1)
    return ctx.call(python.sub, last, behind)


def _cumulate(ctx: NodeContext, function: Callable[..., torch.Tensor], start: int) -> fx.Node:
    attributes = ctx.node.attributes
    axis = int(ctx.constant(1).item())
    is_reverse = bool(attributes.get_int("reverse", 0))
    x = ctx.call(torch.flip, ctx.input(0), (axis,)) if is_reverse else ctx.input(0)
    total = ctx.call(function, x, axis)
    if attributes.get_int("exclusive", 0):
        total = ctx.call(_shifted, total, axis, start)
    return ctx.call(torch.flip, total, (axis,)) if is_reverse else total


def _shifted(x: torch.Tensor, axis: int, start: int) -> torch.Tensor:
    """Move all elements along an axis by one, with a start in front."""
    first = torch.full_like(x.narrow(axis, 0, 1), start)
    return torch.cat([first, x.narrow(axis, 0, x.size(axis) - 1)], axis)


def _product(x: torch.Tensor, axes: tuple[int, ...], *, keepdim: bool) -> torch.Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = torch.prod(x, axis, keepdim=keepdim)
    return x
