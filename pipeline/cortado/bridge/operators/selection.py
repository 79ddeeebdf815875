"""Operators that pick elements by positions or conditions, and put them at positions.

Negative positions count from the end of an axis, which PyTorch's own functions do not allow.
"""

from operator import getitem

import numpy as np
import torch
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__: list[str] = []

_REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("GatherElements")
def _gather_elements(ctx: NodeContext) -> fx.Node:
    """Pick along one axis, at a position for each element."""
    axis = ctx.node.attributes.get_int("axis", 0)
    return ctx.call(_pick_elements, ctx.input(0), ctx.input(1), axis)


@operator("GatherND")
def _gather_nd(ctx: NodeContext) -> fx.Node:
    """Pick parts at coordinates, (…, k), of the k axes behind the batch axes."""
    batch = ctx.node.attributes.get_int("batch_dims", 0)
    return ctx.call(_pick_parts, ctx.input(0), ctx.input(1), batch)


@operator("Scatter", "ScatterElements")
def _scatter_elements(ctx: NodeContext) -> fx.Node:
    """Put or add elements along one axis, at a position for each."""
    axis = ctx.node.attributes.get_int("axis", 0)
    reduction = ctx.node.attributes.get_string("reduction", "none")
    data = (ctx.input(0), ctx.input(1), ctx.input(2))
    return ctx.call(_put_elements, *data, axis, reduction)


@operator("ScatterND")
def _scatter_nd(ctx: NodeContext) -> fx.Node:
    """Put or add parts at coordinates, (…, k), of the first k axes."""
    reduction = ctx.node.attributes.get_string("reduction", "none")
    return ctx.call(_put_parts, ctx.input(0), ctx.input(1), ctx.input(2), reduction)


@operator("Compress")
def _compress(ctx: NodeContext) -> fx.Node:
    """Keep the entries along an axis, or of all elements, where a condition is true."""
    x, axis = ctx.input(0), ctx.node.attributes.get_int("axis", None)
    if axis is None:
        x, axis = ctx.call(torch.flatten, x), 0
    return ctx.call(_keep, x, ctx.input(1), axis)


@operator("NonZero")
def _non_zero(ctx: NodeContext) -> fx.Node:
    """Return the coordinates of what is not zero, (rank, count)."""
    return ctx.call(torch.t, ctx.call(torch.nonzero, ctx.input(0)))


@operator("OneHot")
def _one_hot(ctx: NodeContext) -> fx.Node:
    """Return, for each index, a vector that is on there and off elsewhere."""
    axis = ctx.node.attributes.get_int("axis", -1)
    return ctx.call(_one_hot_of, ctx.input(0), ctx.number(1), ctx.input(2), axis)


@operator("TopK")
def _top_k(ctx: NodeContext) -> tuple[fx.Node, ...]:
    """Return the largest or smallest elements along an axis, and where they are.

    Of equal ones, that in front comes first.
    """
    attributes = ctx.node.attributes
    count = ctx.number(1) if ctx.has(1) else attributes.get_int("k")
    axis, largest = attributes.get_int("axis", -1), bool(attributes.get_int("largest", 1))
    pair = ctx.call(torch.sort, ctx.input(0), stable=True, dim=axis, descending=largest)
    parts = (ctx.call(getitem, pair, 0), ctx.call(getitem, pair, 1))
    return tuple(ctx.call(torch.narrow, part, axis, 0, count) for part in parts)


@operator("Trilu")
def _trilu(ctx: NodeContext) -> fx.Node:
    """Keep the upper or the lower triangle of matrices."""
    function = torch.triu if ctx.node.attributes.get_int("upper", 1) else torch.tril
    return ctx.call(function, ctx.input(0), int(ctx.constant(1).item()) if ctx.has(1) else 0)


@operator("ReverseSequence")
def _reverse_sequence(ctx: NodeContext) -> fx.Node:
    """Reverse the first elements of each sequence of a batch, as many as it is long."""
    attributes = ctx.node.attributes
    axes = attributes.get_int("batch_axis", 1), attributes.get_int("time_axis", 0)
    return ctx.call(_reversed, ctx.input(0), ctx.input(1), *axes)


def _wrapped(indices: torch.Tensor, length: int) -> torch.Tensor:
    indices = indices.long()
    return torch.where(indices < 0, indices + length, indices)


def _pick_elements(x: torch.Tensor, indices: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.gather(x, axis, _wrapped(indices, x.size(axis)))


def _pick_parts(x: torch.Tensor, indices: torch.Tensor, batch: int) -> torch.Tensor:
    columns = [
        _wrapped(column, x.size(batch + axis)) for axis, column in enumerate(indices.unbind(-1))
    ]
    grids = []
    for axis in range(batch):
        shape = [1] * (indices.ndim - 1)
        shape[axis] = -1
        grids.append(torch.arange(x.size(axis), device=x.device).view(shape))
    return x[(*grids, *columns)]


def _put_elements(
    x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor, axis: int, reduction: str
) -> torch.Tensor:
    where = _wrapped(indices, x.size(axis))
    if reduction == "none":
        return torch.scatter(x, axis, where, updates)
    return torch.scatter_reduce(x, axis, where, updates, _REDUCTIONS[reduction])


def _put_parts(
    x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor, reduction: str
) -> torch.Tensor:
    axes = indices.size(-1)
    place = torch.zeros_like(indices[..., 0]).long()
    for axis in range(axes):
        place = place * x.size(axis) + _wrapped(indices[..., axis], x.size(axis))
    rest = x.shape[axes:]
    rows = x.reshape(int(np.prod(x.shape[:axes])), int(np.prod(rest)))
    new = updates.reshape(-1, rows.size(1))
    where = place.reshape(-1, 1).expand_as(new)
    return _put_elements(rows, where, new, 0, reduction).reshape(x.shape)


def _keep(x: torch.Tensor, condition: torch.Tensor, axis: int) -> torch.Tensor:
    return x.index_select(axis, condition.nonzero().flatten())


def _one_hot_of(indices: torch.Tensor, depth: int, values: torch.Tensor, axis: int) -> torch.Tensor:
    axis %= indices.ndim + 1
    classes = torch.arange(int(depth), device=indices.device)
    shape = [1] * (indices.ndim + 1)
    shape[axis] = -1
    hit = _wrapped(indices, int(depth)).unsqueeze(axis) == classes.view(shape)
    return torch.where(hit, values[1], values[0])


def _reversed(x: torch.Tensor, lengths: torch.Tensor, batch: int, time: int) -> torch.Tensor:
    steps = torch.arange(x.size(time), device=x.device)
    ends = lengths[:, None]  # (batch, 1)
    order = torch.where(steps < ends, ends - 1 - steps, steps)  # (batch, time)
    moved = x.movedim((batch, time), (0, 1))
    rows = torch.arange(len(order), device=x.device)[:, None]
    return moved[rows, order].movedim((0, 1), (batch, time))
