"""Resize and Upsample: every output element is a weighted sum of a few input elements.

For each axis that changes, output index i has the coordinate x(i) in the input, by the mode of
transformation; the elements around x are its taps, and their weights follow from the distances:

    nearest      one tap, the nearest by ``nearest_mode``
    linear       two: 1 − |d|
    cubic        four: Keys' kernel with the coefficient a
    antialias    of linear and cubic where the output is smaller: the kernel is stretched by 1/scale

Axes are independent. A tap outside of the input takes the element at its edge.

Source: https://onnx.ai/onnx/operators/onnx__Resize.html; float32 arithmetic as in onnxruntime.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator
from cortado.bridge.sizes import Item
from cortado.model.typing import BoolArray, FloatArray, IntArray

__all__ = ["Axis", "Sampling"]

_OLD_RESIZE = 11  # before it, Resize was Upsample, and rounded as that does


@dataclass(frozen=True)
class Sampling:
    """The attributes of a Resize.

    Attributes
    ----------
    mode : {"nearest", "linear", "cubic"}
        Which taps.
    transformation : str
        ``coordinate_transformation_mode``.
    rounding : str
        ``nearest_mode``; ``simple`` before opset 11.
    a : float
        The coefficient of the cubic kernel.
    exclude_outside : bool
        Whether taps outside of the input have no weight.
    antialias : bool
        Whether the kernel is stretched where the output is smaller.
    extrapolation : float
        What ``tf_crop_and_resize`` gives for coordinates outside of the input.
    """

    mode: str
    transformation: str
    rounding: str
    a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    extrapolation: float = 0.0


@dataclass(frozen=True)
class Axis:
    """An axis to resize: to a length, by a scale, or both where the aspect ratio is kept.

    `start` and `end` are its part of the region of interest, in fractions of the length.
    """

    number: int
    scale: float | None = None
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class _Taps:
    """For each output index the taps and their weights, (k, out), and whether it lies inside."""

    indices: IntArray
    weights: FloatArray
    inside: BoolArray = field(repr=False)


@operator("Resize", "Upsample")
def _resize(ctx: NodeContext) -> fx.Node:
    """Sample the input at other places."""
    sampling, rank = _sampling(ctx), ctx.rank(0)
    numbers = tuple(axis % rank for axis in ctx.node.attributes.get_ints("axes", range(rank)))
    roi = _floats(ctx, 1) if sampling.transformation == "tf_crop_and_resize" else ()
    roi = roi or (0.0,) * len(numbers) + (1.0,) * len(numbers)
    scales, sizes = _scales(ctx), ctx.sizes(3) if _is_given(ctx, 3) else ()
    policy = ctx.node.attributes.get_string("keep_aspect_ratio_policy", "stretch")
    if sizes and policy != "stretch":
        scales, sizes = _kept_aspect(ctx, numbers, sizes, policy), ()
    axes, lengths = [], []
    for place, number in enumerate(numbers):
        start, end = roi[place], roi[place + len(numbers)]
        scale = scales[place] if scales else None
        length = sizes[place] if sizes else None
        if not (start == 0 and end == 1 and _is_kept(ctx, number, scale, length)):
            axes.append(Axis(number, scale, start, end))
            lengths.append(length)
    return ctx.bound(_resample, ctx.input(0), tuple(lengths), options=(tuple(axes), sampling))


def _sampling(ctx: NodeContext) -> Sampling:
    attributes = ctx.node.attributes
    mode = attributes.get_string("mode", "nearest").replace("bilinear", "linear")
    if ctx.opset < _OLD_RESIZE or ctx.node.op_type == "Upsample":
        return Sampling(mode, "asymmetric", "simple")
    return Sampling(
        mode,
        attributes.get_string("coordinate_transformation_mode", "half_pixel"),
        attributes.get_string("nearest_mode", "round_prefer_floor"),
        attributes.get_float("cubic_coeff_a", -0.75),
        bool(attributes.get_int("exclude_outside", 0)),
        bool(attributes.get_int("antialias", 0)),
        attributes.get_float("extrapolation_value", 0.0),
    )


def _scales(ctx: NodeContext) -> tuple[float, ...]:
    """Return the scales; they were an attribute, then the second input, then the third."""
    if "scales" in ctx.node.attributes:
        return tuple(ctx.node.attributes.get_floats("scales", ()))
    is_old = ctx.opset < _OLD_RESIZE or ctx.node.op_type == "Upsample"
    return _floats(ctx, 1 if is_old else 2)


def _floats(ctx: NodeContext, index: int) -> tuple[float, ...]:
    if not _is_given(ctx, index):
        return ()
    return tuple(float(x) for x in ctx.constant(index).reshape(-1))


def _is_given(ctx: NodeContext, index: int) -> bool:
    """Return whether an input is there and not empty, which says the same."""
    return ctx.has(index) and ctx.known_dims(index) != (0,)


def _is_kept(ctx: NodeContext, number: int, scale: float | None, length: Item | None) -> bool:
    if scale is not None:
        return scale == 1
    if isinstance(length, fx.Node):
        return length.target == "size" and length.args == (ctx.input(0), number)
    return length == ctx.dims(0)[number]


def _kept_aspect(
    ctx: NodeContext, numbers: Sequence[int], sizes: Sequence[Item], policy: str
) -> tuple[float, ...]:
    """Return the one scale for all axes with which none, or each, is as long as wanted."""
    ratios = []
    for number, size in zip(numbers, sizes, strict=True):
        length = ctx.dims(0)[number]
        if length is None or not isinstance(size, int):
            raise ctx.refusal(f"{policy} needs an input of fixed size")
        ratios.append(np.float32(size) / np.float32(length))
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return (float(scale),) * len(numbers)


def _resample(
    x: torch.Tensor, lengths: Sequence[int | None], axes: Sequence[Axis], sampling: Sampling
) -> torch.Tensor:
    """Resize each axis in turn."""
    inside = None
    for axis, length in zip(axes, lengths, strict=True):
        taps = _taps(x.size(axis.number), length, axis, sampling)
        shape = [1] * x.ndim
        shape[axis.number] = -1
        x = _weighted(x, axis.number, taps, shape)
        if not taps.inside.all():
            here = torch.from_numpy(taps.inside).to(x.device).view(shape)
            inside = here if inside is None else inside & here
    return x if inside is None else torch.where(inside, x, sampling.extrapolation)


def _weighted(x: torch.Tensor, axis: int, taps: _Taps, shape: list[int]) -> torch.Tensor:
    indices = torch.from_numpy(taps.indices).to(x.device)
    if len(indices) == 1:
        return x.index_select(axis, indices[0])
    weights = torch.from_numpy(taps.weights).to(x)
    total = x.index_select(axis, indices[0]) * weights[0].view(shape)
    for index, weight in zip(indices[1:], weights[1:], strict=True):
        total = total + x.index_select(axis, index) * weight.view(shape)
    return total


@lru_cache(maxsize=256)
def _taps(length: int, wanted: int | None, axis: Axis, sampling: Sampling) -> _Taps:
    """Return the taps of each output index along an axis of some length."""
    if wanted is None:
        assert axis.scale is not None  # a Resize has scales or sizes
        wanted = _scaled_length(length, axis, sampling)
    scale = np.float32(wanted / length if axis.scale is None else axis.scale)
    x = _coordinates(length, wanted, scale, axis, sampling.transformation)
    is_outside = (x < 0) | (x > length - 1)
    inside = ~(is_outside & (sampling.transformation == "tf_crop_and_resize"))
    if sampling.mode == "nearest":
        indices = _nearest(x, sampling.rounding, is_smaller=bool(scale < 1))[None]
        weights = np.ones_like(indices, np.float32)
    else:
        indices, weights = _kernel_taps(x, length, scale, sampling)
    return _Taps(np.clip(indices, 0, length - 1), weights.astype(np.float32), inside)


def _scaled_length(length: int, axis: Axis, sampling: Sampling) -> int:
    assert axis.scale is not None
    part = axis.end - axis.start if sampling.transformation == "tf_crop_and_resize" else 1.0
    return int(np.floor(np.float32(length) * np.float32(part) * np.float32(axis.scale)))


def _coordinates(
    length: int, wanted: int, scale: np.float32, axis: Axis, transformation: str
) -> FloatArray:
    """Return where each output index lies in the input."""
    i = np.arange(wanted, dtype=np.float32)
    half = np.float32(0.5)
    last = np.float32(length - 1)
    if transformation == "asymmetric":
        return i / scale
    if transformation == "align_corners":
        return i * last / np.float32(wanted - 1) if wanted > 1 else np.zeros_like(i)
    if transformation == "tf_half_pixel_for_nn":
        return (i + half) / scale
    if transformation == "tf_crop_and_resize":
        start, end = np.float32(axis.start), np.float32(axis.end)
        if wanted == 1:
            return np.full_like(i, half * (start + end) * last)
        return start * last + i * (end - start) * last / np.float32(wanted - 1)
    if transformation == "pytorch_half_pixel" and wanted == 1:
        return np.zeros_like(i)
    if transformation == "half_pixel_symmetric":
        adjusted = np.float32(wanted) / (scale * np.float32(length))
        return np.float32(length) * half * (1 - adjusted) + (i + half) / scale - half
    return (i + half) / scale - half


def _nearest(x: FloatArray, rounding: str, *, is_smaller: bool) -> IntArray:
    if rounding == "simple":
        chosen = np.ceil(x) if is_smaller else np.trunc(x)
    elif rounding == "round_prefer_ceil":
        chosen = np.floor(x + np.float32(0.5))
    elif rounding == "round_prefer_floor":
        chosen = np.ceil(x - np.float32(0.5))
    else:
        chosen = np.floor(x) if rounding == "floor" else np.ceil(x)
    return chosen.astype(np.int64)


def _kernel_taps(
    x: FloatArray, length: int, scale: np.float32, sampling: Sampling
) -> tuple[IntArray, FloatArray]:
    """Return the taps within reach of the kernel, and their weights."""
    reach = 1 if sampling.mode == "linear" else 2
    stretch = max(1.0, 1 / float(scale)) if sampling.antialias else 1.0
    if sampling.mode == "linear" and not sampling.antialias:
        x = np.clip(x, 0, length - 1)
    first = np.floor(x).astype(np.int64) - int(np.ceil(reach * stretch)) + 1
    count = 2 * int(np.ceil(reach * stretch)) + (1 if sampling.antialias else 0)
    indices = first + np.arange(count)[:, None]
    distances = np.abs(x - indices) / stretch
    if sampling.mode == "linear":
        weights = np.maximum(1 - distances, 0)
    else:
        weights = _keys(distances, sampling.a)
    if sampling.exclude_outside:
        weights = np.where((indices >= 0) & (indices < length), weights, 0)
    if sampling.antialias or sampling.exclude_outside:
        weights = weights / weights.sum(0)
    return indices, weights


def _keys(d: FloatArray, a: float) -> FloatArray:
    """Return the cubic convolution kernel at distances (Keys 1981)."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))
