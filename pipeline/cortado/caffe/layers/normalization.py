"""LRN, BatchNorm and MVN.

LRN, ACROSS_CHANNELS   x / (k + alpha/size · Σ x²)^beta over `size` channels around each: as in ONNX
LRN, WITHIN_CHANNEL    x · (1 + alpha · mean x²)^-beta over size x size pixels around each, the
                       pad counted; `k` is ignored
BatchNorm              (x - mean·s) / √(var·s + eps), s = 1/factor, or 0 if the factor is 0;
                       with `use_global_stats: false` by mean and variance of the batch itself
MVN                    (x - mean) / (√var + eps) over height and width, or over the whole item,
                       as a blob of 4 dimensions

BatchNorm's blobs are mean, var and factor, the number of batches that the other two sum up;
NVIDIA's fork stores a scale and a bias after them. Variances are biased.

Source: BVLC/caffe lrn_layer.cpp, batch_norm_layer.cpp, mvn_layer.cpp; NVIDIA/caffe
batch_norm_layer.cpp.
"""

from math import prod

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Blob, Out
from cortado.caffe.layers.registry import layer
from cortado.caffe.net import LayerSpec
from cortado.caffe.parameters import BlobSpec, Parameter

__all__: list[str] = []

_REGIONS = ("ACROSS_CHANNELS", "WITHIN_CHANNEL")


def _is_within_channel(layer: LayerSpec) -> bool:
    region = layer.message.message("lrn_param").choice("norm_region", _REGIONS, _REGIONS[0])
    return region == "WITHIN_CHANNEL"


@layer("LRN", in_place=_is_within_channel)
def _lrn(context: Context) -> Blob:
    param = context.settings("lrn_param")
    size = param.integer("local_size", 5, minimum=1)
    if size % 2 == 0:
        raise context.refuse(f"its local_size {size} is even")
    if context.bottom.rank != 4:
        raise context.refuse(f"its bottom has {context.bottom.rank} dimensions instead of 4")
    alpha, beta = param.number("alpha", 1.0), param.number("beta", 0.75)
    if _is_within_channel(context.layer):
        return _within_channel(context, size, alpha, beta)
    bias = param.number("k", 1.0)
    if not (alpha > 0 and beta > 0):  # legal in ONNX, but onnxruntime refuses to run it
        return _across_channels(context, size, alpha, (bias, beta))
    return context.unary("LRN", {"size": size, "alpha": alpha, "beta": beta, "bias": bias})


def _within_channel(context: Context, size: int, alpha: float, beta: float) -> Blob:
    x = context.bottom
    square = context.node("Mul", [x, x], x.shape, part="square")
    mean = _window_mean(context, square, (size, size))
    return _times_power(context, mean, alpha, (1.0, beta))


def _across_channels(
    context: Context, size: int, alpha: float, bias_beta: tuple[float, float]
) -> Blob:
    """Return the same as LRN, for any alpha and beta: the channels are the rows of an image."""
    x = context.bottom
    image = (x.shape[0], 1, x.shape[1], prod(x.shape[2:]))
    square = context.node("Mul", [x, x], x.shape, part="square")
    rows = context.reshape(square, image, part="rows")
    mean = context.reshape(_window_mean(context, rows, (size, 1)), x.shape, part="channels")
    return _times_power(context, mean, alpha, bias_beta)


def _window_mean(context: Context, x: Blob, window: tuple[int, int]) -> Blob:
    """Return the mean over a window around each value; beyond the edge are zeros."""
    pads = tuple(size // 2 for size in window) * 2
    attributes: Attributes = {"kernel_shape": window, "pads": pads, "count_include_pad": 1}
    return context.node("AveragePool", [x], x.shape, attributes, part="mean")


def _times_power(
    context: Context, mean: Blob, alpha: float, bias_beta: tuple[float, float]
) -> Blob:
    """Return x · (bias + alpha·mean)^-beta."""
    x, (bias, beta) = context.bottom, bias_beta
    scaled = context.node("Mul", [mean, context.scalar(alpha, "alpha")], x.shape, part="scaled")
    base = context.node("Add", [scaled, context.scalar(bias, "bias")], x.shape, part="base")
    factor = context.node("Pow", [base, context.scalar(-beta, "power")], x.shape, part="factor")
    return context.node("Mul", [x, factor], x.shape)


@layer("BatchNorm")
def _batch_norm(context: Context) -> Blob:
    x, param = context.bottom, context.settings("batch_norm_param")
    if x.rank < 2:
        raise context.refuse(f"its bottom has {x.rank} dimensions; it needs at least 2")
    mean, variance, factor, *affine = _load(context, x.shape[1])
    epsilon = param.number("eps", 1e-5)
    if not param.flag("use_global_stats", default=context.phase == "TEST"):
        context.note("it normalizes by the mean and variance of the batch that it is given")
        return _by_batch(context, epsilon, affine)
    scale = float(factor.array[0])
    inverse = np.float32(1 / scale if scale else 0)
    if not scale and (mean.array.any() or variance.array.any()):
        context.note("its factor is 0, so that its mean and variance count as 0, as in Caffe")
    name = context.layer.name
    gamma, beta = affine or (
        Parameter(f"{name}.scale", np.ones_like(mean.array)),
        Parameter(f"{name}.bias", np.zeros_like(mean.array)),
    )
    statistics = [
        Parameter(mean.name, mean.array * inverse),
        Parameter(variance.name, variance.array * inverse),
    ]
    blobs = [context.initializer(parameter) for parameter in (gamma, beta, *statistics)]
    return context.node("BatchNormalization", [x, *blobs], x.shape, {"epsilon": epsilon})


def _by_batch(context: Context, epsilon: float, affine: list[Parameter]) -> Blob:
    x = context.bottom
    axes = tuple(axis for axis in range(x.rank) if axis != 1)
    centred = _centred(context, axes)
    variance = _variance(context, centred, axes)
    shape = variance.shape
    base = context.node("Add", [variance, context.scalar(epsilon, "eps")], shape, part="base")
    std = context.node("Sqrt", [base], shape, part="std")
    y = context.node("Div", [centred, std], x.shape)
    for op, parameter in zip(("Mul", "Add"), affine, strict=False):
        y = context.node(op, [y, context.initializer(parameter, shape)], x.shape, part=op.lower())
    return y


@layer("MVN")
def _mvn(context: Context) -> Blob:
    x, param = context.bottom, context.settings("mvn_param")
    if not 1 <= x.rank <= 4:
        raise context.refuse(f"its bottom has {x.rank} dimensions instead of 1 to 4")
    across = param.flag("across_channels", default=False)
    axes = tuple(range(1 if across else 2, x.rank))
    shape = (*x.shape, *[1] * (4 - x.rank))  # Caffe's result has 4 dimensions
    if not axes:  # each value is its own mean
        return context.reshape(context.node("Sub", [x, x], x.shape, part="zero"), shape)
    centred = _centred(context, axes)
    if not param.flag("normalize_variance", default=True):
        return context.reshape(centred, shape)
    variance = _variance(context, centred, axes)
    std = context.node("Sqrt", [variance], variance.shape, part="std")
    epsilon = context.scalar(param.number("eps", 1e-9), "eps")
    divisor = context.node("Add", [std, epsilon], std.shape, part="divisor")
    y = context.node("Div", [centred, divisor], x.shape, part="normal")
    return context.reshape(y, shape)


def _centred(context: Context, axes: tuple[int, ...]) -> Blob:
    """Return the bottom minus its mean over `axes`."""
    x = context.bottom
    return context.node("Sub", [x, _mean(context, x, axes, "mean")], x.shape, part="centred")


def _variance(context: Context, centred: Blob, axes: tuple[int, ...]) -> Blob:
    square = context.node("Mul", [centred, centred], centred.shape, part="square")
    return _mean(context, square, axes, "variance")


def _mean(context: Context, x: Blob, axes: tuple[int, ...], part: str) -> Blob:
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    out = Out(shape, symbol="" if 0 in axes else None)
    return context.node("ReduceMean", [x], out, {"axes": axes, "keepdims": 1}, part)


def _load(context: Context, channels: int) -> tuple[Parameter, ...]:
    """Return mean, var, factor, and what a fork stores after them."""
    vector = (channels,)
    specs = [
        BlobSpec("mean", vector),
        BlobSpec("variance", vector, default=1.0),  # without weights: the identity
        BlobSpec("factor", (1,), default=1.0, folded=True),
    ]
    if context.stored() == 5:
        specs += [BlobSpec("scale", vector), BlobSpec("bias", vector)]
    return context.load(*specs)
