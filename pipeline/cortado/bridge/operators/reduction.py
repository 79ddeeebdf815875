"""Sums, means and extremes along axes, and their positions.

The axes are an attribute or an input, as the opset has it; none means all, or none at all
(the identity) with ``noop_with_empty_axes``.
"""

from collections.abc import Callable

import torch
from torch import fx

from cortado.bridge.context import Context
from cortado.bridge.registry import operator

__all__: list[str] = []


@operator("ReduceMean")
def _reduce_mean(ctx: Context) -> fx.Node:
    """Return the mean."""
    return _reduce(ctx, ctx.input(0), torch.mean)


@operator("ReduceSum")
def _reduce_sum(ctx: Context) -> fx.Node:
    """Return the sum."""
    return _reduce(ctx, ctx.input(0), torch.sum)


@operator("ReduceMax")
def _reduce_max(ctx: Context) -> fx.Node:
    """Return the largest element."""
    return _reduce(ctx, ctx.input(0), torch.amax)


@operator("ReduceMin")
def _reduce_min(ctx: Context) -> fx.Node:
    """Return the smallest element."""
    return _reduce(ctx, ctx.input(0), torch.amin)


@operator("ReduceL1")
def _reduce_l1(ctx: Context) -> fx.Node:
    """Return the sum of absolute values."""
    return _reduce(ctx, ctx.call(torch.abs, ctx.input(0)), torch.sum)


@operator("ReduceL2")
def _reduce_l2(ctx: Context) -> fx.Node:
    """Return the Euclidean norm."""
    return ctx.call(torch.sqrt, _reduce_sum_square(ctx))


@operator("ReduceSumSquare")
def _reduce_sum_square(ctx: Context) -> fx.Node:
    """Return the sum of squares."""
    return _reduce(ctx, ctx.call(torch.square, ctx.input(0)), torch.sum)


@operator("ReduceLogSumExp")
def _reduce_log_sum_exp(ctx: Context) -> fx.Node:
    """Return the logarithm of the sum of exponentials."""
    return _reduce(ctx, ctx.input(0), torch.logsumexp)


@operator("ArgMax")
def _arg_max(ctx: Context) -> fx.Node:
    """Return where the largest element is."""
    return _locate(ctx, torch.argmax)


@operator("ArgMin")
def _arg_min(ctx: Context) -> fx.Node:
    """Return where the smallest element is."""
    return _locate(ctx, torch.argmin)


def _reduce(ctx: Context, data: fx.Node, function: Callable[..., torch.Tensor]) -> fx.Node:
    axes = ctx.axes("axes", 1)
    if not axes:
        if ctx.node.attributes.get_int("noop_with_empty_axes", 0):
            return data
        axes = tuple(range(ctx.rank(0)))
    return ctx.call(function, data, axes, keepdim=bool(ctx.node.attributes.get_int("keepdims", 1)))


def _locate(ctx: Context, function: Callable[..., torch.Tensor]) -> fx.Node:
    if ctx.node.attributes.get_int("select_last_index", 0):
        raise ctx.refusal("select_last_index is not supported")
    axis = ctx.node.attributes.get_int("axis", 0)
    keepdim = bool(ctx.node.attributes.get_int("keepdims", 1))
    return ctx.call(function, ctx.input(0), axis, keepdim=keepdim)
