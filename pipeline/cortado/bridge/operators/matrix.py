"""Products of matrices: Gemm, MatMul and Einsum."""

import torch
from torch import fx
from torch.nn import functional as F

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__: list[str] = []


@operator("Gemm")
def _gemm(ctx: NodeContext) -> fx.Node:
    """``Y = alpha A' B' + beta C`` with A' of shape (m, k), B' of shape (k, n)."""
    a, b, c = ctx.input(0), ctx.input(1), ctx.optional(2)
    alpha = ctx.node.attributes.get_float("alpha", 1.0)
    beta = ctx.node.attributes.get_float("beta", 1.0)
    trans_b = ctx.node.attributes.get_int("transB", 0)
    if ctx.node.attributes.get_int("transA", 0):
        a = ctx.call(torch.t, a)
    if trans_b and alpha == 1 and (c is None or (beta == 1 and ctx.rank(2) == 1)):
        return ctx.call(F.linear, a, b, c)
    if trans_b:
        b = ctx.call(torch.t, b)
    if c is None:
        product = ctx.call(torch.mm, a, b)
        return product if alpha == 1 else ctx.call(torch.mul, product, alpha)
    options = {name: x for name, x in (("beta", beta), ("alpha", alpha)) if x != 1}
    return ctx.call(torch.addmm, c, a, b, **options)


@operator("MatMul")
def _matmul(ctx: NodeContext) -> fx.Node:
    """Multiply as `numpy.matmul` does."""
    return ctx.call(torch.matmul, ctx.input(0), ctx.input(1))


@operator("Einsum")
def _einsum(ctx: NodeContext) -> fx.Node:
    """Sum products over axes by Einstein's convention."""
    return ctx.call(torch.einsum, ctx.node.attributes.get_string("equation"), *ctx.inputs())
