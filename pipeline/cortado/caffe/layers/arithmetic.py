"""Layers that compute a power, an exponential or a logarithm of each value.

Power   (shift + scale·x)^power
Exp     base^(shift + scale·x)
Log     log_base(shift + scale·x)

The base -1 stands for e. Steps that would change nothing are left out.

Source: BVLC/caffe power_layer.cpp, exp_layer.cpp, log_layer.cpp.
"""

from math import e, log

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer
from cortado.caffe.message import Message

__all__: list[str] = []


@layer("Power")
def _power(context: Context) -> Blob:
    x, param = context.bottom, context.settings("power_param")
    power, scale = param.number("power", 1.0), param.number("scale", 1.0)
    shift = param.number("shift", 0.0)
    if power == 0 or scale == 0:  # a constant, even where x is infinite
        with np.errstate(all="ignore"):
            return _filled(context, float(np.power(np.float32(shift), np.float32(power))))
    x = _shifted(context, _times(context, x, scale, "scale"), shift)
    if power != 1:
        x = context.node("Pow", [x, context.scalar(power, "power")], x.shape)
    return x


def _filled(context: Context, value: float) -> Blob:
    """Return a constant of the shape of the bottom: x^0 is 1 for every x, even an infinite one."""
    x = context.bottom
    one = context.node("Pow", [x, context.scalar(0.0, "zero")], x.shape, part="one")
    return context.node("Mul", [one, context.scalar(value, "value")], x.shape)


@layer("Exp")
def _exp(context: Context) -> Blob:
    x, param = context.bottom, context.settings("exp_param")
    rate, shift = log(_base(context, param)), param.number("shift", 0.0)
    x = _times(context, x, rate * param.number("scale", 1.0), "rate")
    y = context.node("Exp", [x], x.shape)
    with np.errstate(over="ignore"):
        return _times(context, y, float(np.exp(np.float32(rate * shift))), "factor")


@layer("Log")
def _log(context: Context) -> Blob:
    x, param = context.bottom, context.settings("log_param")
    rate = log(_base(context, param))
    if rate == 0:
        raise context.refuse("no logarithm has the base 1")
    x = _times(context, x, param.number("scale", 1.0), "scale")
    x = _shifted(context, x, param.number("shift", 0.0))
    return _times(context, context.node("Log", [x], x.shape), 1 / rate, "rate")


def _base(context: Context, param: Message) -> float:
    base = param.number("base", -1.0)
    if base == -1:
        return e
    if not 0 < base <= float(np.finfo(np.float32).max):
        raise context.refuse(
            f"its base {base} is not positive and finite, nor -1, which stands for e"
        )
    return base


def _times(context: Context, x: Blob, factor: float, part: str) -> Blob:
    if factor == 1:
        return x
    return context.node("Mul", [x, context.scalar(factor, part)], x.shape, part=f"times_{part}")


def _shifted(context: Context, x: Blob, shift: float) -> Blob:
    if shift == 0:
        return x
    return context.node("Add", [x, context.scalar(shift, "shift")], x.shape, part="shifted")
