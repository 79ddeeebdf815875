"""Pooling, exactly as Caffe's CPU code does it, with pads that spell out its rounding.

Per axis, with kernel k, stride s, pad p and an input of size n:

    out = ⌈(n + 2p - k) / s⌉ + 1 (⌊ ⌋ with round_mode FLOOR), and
    if either axis is padded, one less where (out - 1)s ≥ n + p:
    the last window must begin before the pad on the far side.

MAX looks at the image only. AVE divides by the part of its window within n + p: it counts
the pad, but not what hangs over beyond it. The pads of the ONNX node are p before and

    e = max(0, (out - 1)s + k - n - p) after,

so that no `ceil_mode` is needed, on whose sizes and divisors runtimes disagree. If e ≤ p an
average that counts its pads is Caffe's; otherwise the image is padded by zeros first, and the
average counts those but not its own pads, e - p.

Where s > k and p = 0 the last window may lie outside of the image altogether. Caffe then
outputs -FLT_MAX, or 0/0; such layers are refused.

A second top of MAX holds the place of each maximum in its plane, the first of several.

Source: BVLC/caffe pooling_layer.cpp.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Blob, Out, Shape
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.message import Message

__all__ = ["PoolWindow", "check_pooled", "pooled"]

_METHODS = ("MAX", "AVE", "STOCHASTIC")
_ROUNDINGS = ("CEIL", "FLOOR")


@dataclass(frozen=True)
class PoolWindow:
    """A pooling window over (height, width), and how it rounds the number of windows."""

    kernel: Shape
    stride: Shape
    pad: Shape
    ceil: bool = True

    def out(self, sizes: Shape) -> Shape:
        """Return the height and width of the output."""
        padded = any(self.pad)
        result = []
        for n, k, s, p in zip(sizes, self.kernel, self.stride, self.pad, strict=True):
            span = n + 2 * p - k
            out = (-(-span // s) if self.ceil else span // s) + 1
            result.append(out - 1 if padded and (out - 1) * s >= n + p else out)
        return tuple(result)

    def ends(self, sizes: Shape) -> Shape:
        """Return the pads after the image, with which windows at the end are complete."""
        axes = zip(sizes, self.out(sizes), self.kernel, self.stride, self.pad, strict=True)
        return tuple(max(0, (out - 1) * s + k - n - p) for n, out, k, s, p in axes)

    def is_degenerate(self, sizes: Shape) -> bool:
        """Return whether a window lies outside of the image."""
        axes = zip(sizes, self.out(sizes), self.stride, self.pad, strict=True)
        return any((out - 1) * s - p >= n for n, out, s, p in axes)


@layer("Pooling", in_place=never)
def _pooling(context: Context) -> Blob | tuple[Blob, ...]:
    param = context.settings("pooling_param")
    method = check_pooled(context, param)
    if len(context.layer.tops) == 2:
        if method != "MAX":
            raise context.refuse("it has a second top, which MAX alone has")
        return _with_mask(context, _pool(context, param))
    if param.flag("global_pooling", default=False):
        _pool(context, param)
        op = "GlobalMaxPool" if method == "MAX" else "GlobalAveragePool"
        return context.node(op, [context.bottom], (*context.bottom.shape[:2], 1, 1))
    return pooled(context, _pool(context, param), method)


def check_pooled(context: Context, param: Message) -> str:
    """Return the method of pooling, which must be one that its bottom can have."""
    if context.bottom.rank != 4:
        raise context.refuse(f"its bottom has {context.bottom.rank} dimensions instead of 4")
    method = param.choice("pool", _METHODS, "MAX")
    if method == "STOCHASTIC":
        raise context.refuse("stochastic pooling cannot be converted")
    return method


def pooled(context: Context, pool: PoolWindow, method: str, part: str = "") -> Blob:
    """Return the maxima, or the averages, of the bottom."""
    _check(context, pool)
    if method == "AVE":
        return _average(context, pool, part)
    shape, attributes = _max_window(context, pool)
    return context.node("MaxPool", [context.bottom], shape, attributes, part)


def _with_mask(context: Context, pool: PoolWindow) -> tuple[Blob, Blob]:
    """Return the maxima, and the place of each in its plane, row after row."""
    _check(context, pool)
    x, (shape, attributes) = context.bottom, _max_window(context, pool)
    place = Out(shape, ir.DataType.INT64)
    y, places = context.nodes("MaxPool", [x], [shape, place], attributes)
    plane = context.constant(np.asarray(prod(x.shape[2:]), np.int64), "plane")  # ONNX counts on
    mask = context.node("Mod", [places, plane], place, part="place")
    return y, context.cast(mask, ir.DataType.FLOAT, "mask")


def _check(context: Context, pool: PoolWindow) -> None:
    x, sizes = context.bottom, context.bottom.shape[2:]
    if any(p >= k for p, k in zip(pool.pad, pool.kernel, strict=True)):
        raise context.refuse(
            f"its pad {list(pool.pad)} is not less than its kernel {list(pool.kernel)}"
        )
    if min(pool.out(sizes)) < 1:
        raise context.refuse(f"its kernel is larger than its bottom, {list(x.shape)}")
    if pool.is_degenerate(sizes):
        raise context.refuse(
            "its last window lies outside of the image, where Caffe's result is undefined"
        )


def _max_window(context: Context, pool: PoolWindow) -> tuple[Shape, Attributes]:
    """Return the shape of the maxima, and the attributes of their MaxPool."""
    x, sizes = context.bottom, context.bottom.shape[2:]
    attributes = {
        "kernel_shape": pool.kernel,
        "strides": pool.stride,
        "pads": (*pool.pad, *pool.ends(sizes)),
    }
    return (*x.shape[:2], *pool.out(sizes)), attributes


def _average(context: Context, pool: PoolWindow, part: str) -> Blob:
    x = context.bottom
    sizes, ends = x.shape[2:], pool.ends(x.shape[2:])
    shape = (*x.shape[:2], *pool.out(sizes))
    starts = pool.pad
    overhangs = any(end > pad for end, pad in zip(ends, pool.pad, strict=True))
    if overhangs:
        x = _pad(context, pool.pad, part)
        ends = tuple(max(0, end - pad) for end, pad in zip(ends, pool.pad, strict=True))
        starts = (0, 0)
    attributes = {
        "kernel_shape": pool.kernel,
        "strides": pool.stride,
        "pads": (*starts, *ends),
        "count_include_pad": 0 if overhangs else 1,
    }
    return context.node("AveragePool", [x], shape, attributes, part)


def _pad(context: Context, pad: Shape, part: str) -> Blob:
    """Return the bottom with zeros around each image."""
    x, prefix = context.bottom, f"{part}/" if part else ""
    if not any(pad):
        return x
    pads = context.integers((0, 0, *pad, 0, 0, *pad), f"{prefix}pads")
    height, width = (size + 2 * p for size, p in zip(x.shape[2:], pad, strict=True))
    return context.node("Pad", [x, pads], (*x.shape[:2], height, width), part=f"{prefix}pad")


def _pool(context: Context, param: Message) -> PoolWindow:
    stride, pad = _pair(context, "stride", 1), _pair(context, "pad", 0, minimum=0)
    if param.flag("global_pooling", default=False):
        if any(param.has(name) for name in ("kernel_size", "kernel_h", "kernel_w")):
            raise context.refuse("global_pooling and a kernel exclude each other")
        if pad != (0, 0) or stride != (1, 1):
            raise context.refuse("global_pooling goes with pad 0 and stride 1 only")
        return PoolWindow(context.bottom.shape[2:], stride, pad)
    kernel = _pair(context, "kernel", 0)
    if 0 in kernel:
        raise context.refuse("it has no kernel_size")
    ceil = param.choice("round_mode", _ROUNDINGS, "CEIL") == "CEIL"
    # An older fork says the same as a bool.
    return PoolWindow(kernel, stride, pad, ceil=param.flag("ceil_mode", default=ceil))


def _pair(context: Context, name: str, default: int, minimum: int = 1) -> tuple[int, int]:
    """Return a value for height and width: from one field, or from a pair with _h and _w."""
    param = context.settings("pooling_param")
    single = "kernel_size" if name == "kernel" else name
    pair = (f"{name}_h", f"{name}_w")
    if not any(param.has(field) for field in pair):
        value = param.integer(single, default, minimum)
        return value, value
    if param.has(single) or not all(param.has(field) for field in pair):
        raise context.refuse(f"{pair[0]} and {pair[1]} go together, without {single}")
    height, width = (param.integer(field, default, minimum) for field in pair)
    return height, width
