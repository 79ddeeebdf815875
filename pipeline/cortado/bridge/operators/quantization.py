"""QuantizeLinear and DequantizeLinear: floats ↔ integers times a step.

    quantize     q = clamp(round(x / scale) + zero, low, high)
    dequantize   x = (q − zero) · scale

Rounding has no gradient; the one that is used is that of x / scale within the limits, as if it had
not been rounded (the straight-through estimator, Bengio et al. 2013, 1308.3432). For that, what
goes into a DequantizeLinear only is an integer in float32.
"""

import onnx_ir as ir
import torch
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__: list[str] = []

_LIMITS = {
    ir.DataType.INT4: (-8, 7),
    ir.DataType.UINT4: (0, 15),
    ir.DataType.INT8: (-128, 127),
    ir.DataType.UINT8: (0, 255),
    ir.DataType.INT16: (-32768, 32767),
    ir.DataType.UINT16: (0, 65535),
}
_DTYPES = {ir.DataType.INT8: torch.int8, ir.DataType.UINT8: torch.uint8}


@operator("QuantizeLinear")
def _quantize_linear(ctx: NodeContext) -> fx.Node:
    """Round to integers."""
    target = _target(ctx)
    if target not in _LIMITS:
        raise ctx.refusal(f"the type {target} is not supported")
    low, high = _LIMITS[target]
    zero = ctx.optional(2)
    integers = ctx.call(_round, ctx.input(0), ctx.input(1), zero, _layout(ctx), (low, high))
    output = ctx.node.outputs[0]
    readers = {use.node.op_type for use in output.uses()}
    if readers == {"DequantizeLinear"} and not output.is_graph_output():
        return integers
    if target not in _DTYPES:
        raise ctx.refusal(f"the type {target} is supported in front of DequantizeLinear only")
    return ctx.method("to", integers, _DTYPES[target])


@operator("DequantizeLinear")
def _dequantize_linear(ctx: NodeContext) -> fx.Node:
    """Turn integers back into floats."""
    data = (ctx.input(0), ctx.input(1), ctx.optional(2))
    return ctx.call(_dequantize, *data, _layout(ctx))


def _target(ctx: NodeContext) -> ir.DataType:
    """Return the type of the integers: that of the zero point, the attribute's, or uint8."""
    known = ctx.dtype(2) if ctx.has(2) else None
    named = ir.DataType(ctx.node.attributes.get_int("output_dtype", 0))
    return known or (ir.DataType.UINT8 if named is ir.DataType.UNDEFINED else named)


def _layout(ctx: NodeContext) -> tuple[int, int]:
    """Return the axis that scales lie along, and how many elements share one; 0 if one does."""
    attributes = ctx.node.attributes
    return attributes.get_int("axis", 1), attributes.get_int("block_size", 0)


def _round(
    x: torch.Tensor,
    scale: torch.Tensor,
    zero: torch.Tensor | None,
    layout: tuple[int, int],
    limits: tuple[int, int],
) -> torch.Tensor:
    ratio = x / _spread(scale, x, layout)
    rounded = ratio + (ratio.round() - ratio).detach()
    if zero is not None:
        rounded = rounded + _spread(zero, x, layout).to(x.dtype)
    return rounded.clamp(*limits)


def _dequantize(
    q: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor | None, layout: tuple[int, int]
) -> torch.Tensor:
    centred = q.to(scale.dtype)
    if zero is not None:
        centred = centred - _spread(zero, q, layout).to(scale.dtype)
    return centred * _spread(scale, q, layout)


def _spread(values: torch.Tensor, x: torch.Tensor, layout: tuple[int, int]) -> torch.Tensor:
    """Give scales or zero points a shape that broadcasts to that of the data."""
    axis, block = layout
    if values.numel() == 1 and not block:
        return values.reshape(())
    if block:
        return values.repeat_interleave(block, axis).narrow(axis, 0, x.size(axis))
    shape = [1] * x.ndim
    shape[axis] = -1
    return values.reshape(shape)
