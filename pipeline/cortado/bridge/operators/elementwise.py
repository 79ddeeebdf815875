"""Arithmetic, comparison and logic, element by element, with NumPy's broadcasting.

Scalar constants are written into the code (``x * 0.5``); where both sides are tensors, the code
reads the same. Most functions of one element are listed in tables.
"""

import operator as python
from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__: list[str] = []

_UNARY: dict[str, Callable[..., Any]] = {
    "Abs": torch.abs,
    "Acos": torch.acos,
    "Acosh": torch.acosh,
    "Asin": torch.asin,
    "Asinh": torch.asinh,
    "Atan": torch.atan,
    "Atanh": torch.atanh,
    "BitwiseNot": torch.bitwise_not,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "IsNaN": torch.isnan,
    "Log": torch.log,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal,
    "Round": torch.round,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Sqrt": torch.sqrt,
    "Tan": torch.tan,
}

_BINARY: dict[str, Callable[..., Any]] = {
    "Add": python.add,
    "Sub": python.sub,
    "Mul": python.mul,
    "Equal": python.eq,
    "Greater": python.gt,
    "GreaterOrEqual": python.ge,
    "Less": python.lt,
    "LessOrEqual": python.le,
}

_BITS: dict[str, Callable[..., Any]] = {
    "BitwiseAnd": torch.bitwise_and,
    "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}

_LOGICAL: dict[str, Callable[..., Any]] = {
    **_BITS,
    "And": torch.logical_and,
    "Or": torch.logical_or,
    "Xor": torch.logical_xor,
}


@operator(*_UNARY)
def _unary(ctx: NodeContext) -> fx.Node:
    """Apply a function of one element."""
    return ctx.call(_UNARY[ctx.node.op_type], ctx.input(0))


@operator(*_BINARY)
def _binary(ctx: NodeContext) -> fx.Node:
    """Combine two tensors, or a tensor and a number."""
    return ctx.call(_BINARY[ctx.node.op_type], *_operands(ctx))


@operator(*_LOGICAL)
def _logical(ctx: NodeContext) -> fx.Node:
    """Combine two truth values, or the bits of integers."""
    return ctx.call(_LOGICAL[ctx.node.op_type], ctx.input(0), ctx.input(1))


@operator("BitShift")
def _bit_shift(ctx: NodeContext) -> fx.Node:
    """Shift the bits of integers."""
    is_left = ctx.node.attributes.get_string("direction", "LEFT") == "LEFT"
    return ctx.call(python.lshift if is_left else python.rshift, ctx.input(0), ctx.input(1))


@operator("IsInf")
def _is_inf(ctx: NodeContext) -> fx.Node:
    """Return which elements are infinite; only one sign may be asked for."""
    x, attributes = ctx.input(0), ctx.node.attributes
    positive, negative = (
        attributes.get_int(name, 1) for name in ("detect_positive", "detect_negative")
    )
    if positive and negative:
        return ctx.call(torch.isinf, x)
    sign = torch.isposinf if positive else torch.isneginf
    if positive or negative:
        return ctx.call(sign, x)
    return ctx.call(torch.zeros_like, x, dtype=torch.bool)


@operator("Div")
def _div(ctx: NodeContext) -> fx.Node:
    """Divide; integers towards zero."""
    if ctx.is_integer(0):
        return ctx.call(torch.div, ctx.input(0), ctx.input(1), rounding_mode="trunc")
    return ctx.call(python.truediv, *_operands(ctx))


@operator("Mod")
def _mod(ctx: NodeContext) -> fx.Node:
    """Return the remainder: with the sign of the divisor, or with ``fmod`` of the dividend."""
    function = torch.fmod if ctx.node.attributes.get_int("fmod", 0) else torch.remainder
    return ctx.call(function, ctx.input(0), ctx.input(1))


@operator("Pow")
def _power(ctx: NodeContext) -> fx.Node:
    """Raise to a power; the result has the type of the base."""
    base, exponent = _operands(ctx)
    if isinstance(exponent, float) and exponent.is_integer():
        exponent = int(exponent)
    return ctx.call(python.pow, base, exponent)


@operator("Max")
def _maximum(ctx: NodeContext) -> fx.Node:
    """Return the largest of any number of tensors."""
    return reduce(lambda a, b: ctx.call(torch.maximum, a, b), ctx.inputs())


@operator("Min")
def _minimum(ctx: NodeContext) -> fx.Node:
    """Return the smallest of any number of tensors."""
    return reduce(lambda a, b: ctx.call(torch.minimum, a, b), ctx.inputs())


@operator("Sum")
def _total(ctx: NodeContext) -> fx.Node:
    """Return the sum of any number of tensors."""
    return reduce(lambda a, b: ctx.call(python.add, a, b), ctx.inputs())


@operator("Mean")
def _mean(ctx: NodeContext) -> fx.Node:
    """Return the mean of any number of tensors."""
    count = len(ctx.node.inputs)
    return _total(ctx) if count == 1 else ctx.call(python.truediv, _total(ctx), count)


@operator("Where")
def _where(ctx: NodeContext) -> fx.Node:
    """Choose from the second input where the first is true, else from the third."""
    return ctx.call(torch.where, ctx.input(0), ctx.input(1), ctx.input(2))


def _operands(ctx: NodeContext) -> tuple[Any, Any]:
    """Return both sides; at least one of them is a tensor."""
    if ctx.known(0) is not None and ctx.known(1) is not None:
        return ctx.input(0), ctx.input(1)
    return ctx.operand(0), ctx.operand(1)
