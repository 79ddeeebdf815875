"""Activations: functions of one element, and Softmax with its kin."""

from collections.abc import Callable
from typing import Any

import torch
from torch import fx
from torch.nn import functional as F

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__: list[str] = []


@operator("Relu")
def _relu(ctx: NodeContext) -> fx.Node:
    """``max(x, 0)``."""
    return ctx.call(F.relu, ctx.input(0))


@operator("Sigmoid")
def _sigmoid(ctx: NodeContext) -> fx.Node:
    """``1 / (1 + exp(-x))``."""
    return ctx.call(torch.sigmoid, ctx.input(0))


@operator("Tanh")
def _tanh(ctx: NodeContext) -> fx.Node:
    """``tanh(x)``."""
    return ctx.call(torch.tanh, ctx.input(0))


@operator("LeakyRelu")
def _leaky_relu(ctx: NodeContext) -> fx.Node:
    """``x`` if positive, else ``alpha x``."""
    return ctx.call(F.leaky_relu, ctx.input(0), ctx.node.attributes.get_float("alpha", 0.01))


@operator("PRelu")
def _prelu(ctx: NodeContext) -> fx.Node:
    """``x`` if positive, else ``slope x``; the slope is trained, and broadcast as any tensor."""
    x, slope = ctx.input(0), ctx.input(1)
    if _is_per_channel(ctx):
        return ctx.call(F.prelu, x, ctx.call(torch.flatten, slope))
    return ctx.call(torch.where, ctx.call(torch.gt, x, 0), x, ctx.call(torch.mul, x, slope))


@operator("Elu")
def _elu(ctx: NodeContext) -> fx.Node:
    """``x`` if positive, else ``alpha (exp(x) - 1)``."""
    return ctx.call(F.elu, ctx.input(0), ctx.node.attributes.get_float("alpha", 1.0))


@operator("Selu")
def _selu(ctx: NodeContext) -> fx.Node:
    """``gamma elu(x, alpha)``, with any constants."""
    alpha = ctx.node.attributes.get_float("alpha", 1.67326319217681884765625)
    gamma = ctx.node.attributes.get_float("gamma", 1.05070102214813232421875)
    return ctx.call(torch.mul, ctx.call(F.elu, ctx.input(0), alpha), gamma)


@operator("HardSigmoid")
def _hard_sigmoid(ctx: NodeContext) -> fx.Node:
    """``clip(alpha x + beta, 0, 1)``."""
    alpha = ctx.node.attributes.get_float("alpha", 0.2)
    beta = ctx.node.attributes.get_float("beta", 0.5)
    line = ctx.call(torch.add, ctx.call(torch.mul, ctx.input(0), alpha), beta)
    return ctx.call(torch.clamp, line, 0.0, 1.0)


@operator("HardSwish")
def _hard_swish(ctx: NodeContext) -> fx.Node:
    """``x clip(x / 6 + 1/2, 0, 1)``."""
    return ctx.call(F.hardswish, ctx.input(0))


@operator("Softplus")
def _softplus(ctx: NodeContext) -> fx.Node:
    """``log(1 + exp(x))``."""
    return ctx.call(F.softplus, ctx.input(0))


@operator("Softsign")
def _softsign(ctx: NodeContext) -> fx.Node:
    """``x / (1 + |x|)``."""
    return ctx.call(F.softsign, ctx.input(0))


@operator("Mish")
def _mish(ctx: NodeContext) -> fx.Node:
    """``x tanh(softplus(x))``."""
    return ctx.call(F.mish, ctx.input(0))


@operator("Gelu")
def _gelu(ctx: NodeContext) -> fx.Node:
    """``x Φ(x)``, exact or by tanh."""
    approximate = ctx.node.attributes.get_string("approximate", "none")
    return ctx.call(F.gelu, ctx.input(0), approximate=approximate)


@operator("ThresholdedRelu")
def _thresholded_relu(ctx: NodeContext) -> fx.Node:
    """``x`` if larger than alpha, else 0."""
    return ctx.call(F.threshold, ctx.input(0), ctx.node.attributes.get_float("alpha", 1.0), 0.0)


@operator("Celu")
def _celu(ctx: NodeContext) -> fx.Node:
    """``max(x, 0) + min(0, alpha (exp(x / alpha) - 1))``."""
    return ctx.call(F.celu, ctx.input(0), ctx.node.attributes.get_float("alpha", 1.0))


@operator("Swish")
def _swish(ctx: NodeContext) -> fx.Node:
    """``x sigmoid(alpha x)``."""
    x, alpha = ctx.input(0), ctx.node.attributes.get_float("alpha", 1.0)
    if alpha == 1:
        return ctx.call(F.silu, x)
    return ctx.call(torch.mul, x, ctx.call(torch.sigmoid, ctx.call(torch.mul, x, alpha)))


@operator("Shrink")
def _shrink(ctx: NodeContext) -> fx.Node:
    """``x + bias`` below -lambd, ``x - bias`` above lambd, else 0."""
    lambd = ctx.node.attributes.get_float("lambd", 0.5)
    bias = ctx.node.attributes.get_float("bias", 0.0)
    return ctx.call(_shrunk, ctx.input(0), lambd, bias)


@operator("Clip")
def _clip(ctx: NodeContext) -> fx.Node:
    """Limit to [min, max]: attributes before opset 11, optional inputs since."""
    low, high = (
        ctx.node.attributes.get_float(name, None) if ctx.opset < 11 else _limit(ctx, index)
        for index, name in ((1, "min"), (2, "max"))
    )
    if isinstance(low, fx.Node) or isinstance(high, fx.Node):
        return _clip_to_tensors(ctx, low, high)
    if low is None and high is None:
        return ctx.input(0)
    if low == 0 and high == 6:
        return ctx.call(F.relu6, ctx.input(0))
    return ctx.call(torch.clamp, ctx.input(0), low, high)


@operator("Softmax")
def _softmax(ctx: NodeContext) -> fx.Node:
    """``exp(x) / sum exp(x)`` along an axis."""
    return _along_axis(ctx, F.softmax)


@operator("LogSoftmax")
def _log_softmax(ctx: NodeContext) -> fx.Node:
    """``x - log sum exp(x)`` along an axis."""
    return _along_axis(ctx, F.log_softmax)


def _limit(ctx: NodeContext, index: int) -> float | fx.Node | None:
    if not ctx.has(index):
        return None
    known = ctx.known(index)
    return ctx.input(index) if known is None else float(known.item())


def _clip_to_tensors(ctx: NodeContext, low: Any, high: Any) -> fx.Node:
    """Limit by what is known only when the module runs: first from below, then from above."""
    x = ctx.input(0)
    for limit, function in ((low, torch.maximum), (high, torch.minimum)):
        if isinstance(limit, fx.Node):
            x = ctx.call(function, x, limit)
        elif limit is not None:
            side = {"min": limit} if function is torch.maximum else {"max": limit}
            x = ctx.call(torch.clamp, x, **side)
    return x


def _shrunk(x: torch.Tensor, lambd: float, bias: float) -> torch.Tensor:
    return torch.where(x < -lambd, x + bias, torch.where(x > lambd, x - bias, 0.0))


def _is_per_channel(ctx: NodeContext) -> bool:
    """Return whether a slope has one element, or one for each index of axis 1."""
    rank, slope = ctx.rank(0), ctx.dims(1)
    if all(size == 1 for size in slope):
        return True
    padded = (1,) * (rank - len(slope)) + slope
    return all(size == 1 for axis, size in enumerate(padded) if axis != 1)


def _along_axis(ctx: NodeContext, function: Callable[..., Any]) -> fx.Node:
    """Normalise along ``axis``; before opset 13, along it and all axes after it as one."""
    x = ctx.input(0)
    if ctx.opset >= 13:
        return ctx.call(function, x, ctx.node.attributes.get_int("axis", -1))
    axis = ctx.node.attributes.get_int("axis", 1)
    if axis in (-1, ctx.rank(0) - 1):
        return ctx.call(function, x, axis)
    flat = ctx.call(torch.flatten, x, axis)
    return ctx.method("view_as", ctx.call(function, flat, -1), x)
