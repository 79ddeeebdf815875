"""Operators that make tensors of numbers alone: ranges, constants, unit matrices."""

import torch
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.operators.indexing import torch_dtype
from cortado.bridge.registry import operator
from cortado.bridge.sizes import Sizes

__all__: list[str] = []


@operator("Range")
def _range(ctx: NodeContext) -> fx.Node:
    """Return the numbers from a start to a limit, by steps."""
    start, limit, delta = (ctx.number(index) for index in range(3))
    dtype = torch_dtype(ctx, ctx.dtype(0))
    return ctx.call(torch.arange, start, limit, delta, dtype=dtype, device=ctx.builder.device())


@operator("ConstantOfShape")
def _constant_of_shape(ctx: NodeContext) -> fx.Node:
    """Return a tensor of one value; by default of float zeros."""
    tensor = ctx.node.attributes.get_tensor("value", None)
    value = 0.0 if tensor is None else tensor.numpy().item()
    dtype = torch.float32 if tensor is None else torch_dtype(ctx, tensor.dtype)
    return ctx.call(torch.full, ctx.sizes(0), value, dtype=dtype, device=ctx.builder.device())


@operator("EyeLike")
def _eye_like(ctx: NodeContext) -> fx.Node:
    """Return ones on a diagonal, zeros elsewhere, in the shape of a matrix."""
    x, k = ctx.input(0), ctx.node.attributes.get_int("k", 0)
    dtype = ctx.node.attributes.get_int("dtype", None)
    ones = ctx.call(torch.ones_like, x)
    band = ctx.call(torch.tril, ctx.call(torch.triu, ones, k), k)
    return band if dtype is None else ctx.method("to", band, torch_dtype(ctx, dtype))


@operator("Size")
def _size(ctx: NodeContext) -> Sizes:
    """Return the number of elements."""
    return Sizes((ctx.method("numel", ctx.input(0)),), is_scalar=True)
