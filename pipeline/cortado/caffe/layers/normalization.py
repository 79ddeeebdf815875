"""LRN and BatchNorm.

LRN, ACROSS_CHANNELS   x / (k + alpha/size · Σ x²)^beta over `size` channels around each: as in ONNX
LRN, WITHIN_CHANNEL    x · (1 + alpha · mean x²)^-beta over size x size pixels around each, the
                       pad counted; `k` is ignored
BatchNorm              (x - mean·s) / √(var·s + eps), s = 1/factor, or 0 if the factor is 0

BatchNorm's blobs are mean, var and factor, the number of batches that the other two sum up;
NVIDIA's fork stores a scale and a bias after them.

Source: BVLC/caffe lrn_layer.cpp, batch_norm_layer.cpp; NVIDIA/caffe batch_norm_layer.cpp.
"""

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Blob
from cortado.caffe.layers.registry import layer
from cortado.caffe.parameters import BlobSpec, Parameter

__all__: list[str] = []

_REGIONS = ("ACROSS_CHANNELS", "WITHIN_CHANNEL")


@layer("LRN")
def _lrn(context: Context) -> Blob:
    param = context.settings("lrn_param")
    size = param.integer("local_size", 5, minimum=1)
    if size % 2 == 0:
        raise context.refuse(f"its local_size {size} is even")
    if context.bottom.rank != 4:
        raise context.refuse(f"its bottom has {context.bottom.rank} dimensions instead of 4")
    alpha, beta = param.number("alpha", 1.0), param.number("beta", 0.75)
    if param.choice("norm_region", _REGIONS, _REGIONS[0]) == "WITHIN_CHANNEL":
        return _within_channel(context, size, alpha, beta)
    if not (alpha > 0 and beta > 0):  # legal in ONNX, but onnxruntime refuses to run it
        raise context.refuse(f"its alpha {alpha} and beta {beta} are not both positive")
    bias = param.number("k", 1.0)
    return context.unary("LRN", {"size": size, "alpha": alpha, "beta": beta, "bias": bias})


def _within_channel(context: Context, size: int, alpha: float, beta: float) -> Blob:
    x = context.bottom
    square = context.node("Mul", [x, x], x.shape, part="square")
    pads = (size // 2,) * 4
    attributes: Attributes = {"kernel_shape": (size, size), "pads": pads, "count_include_pad": 1}
    mean = context.node("AveragePool", [square], x.shape, attributes, part="mean")
    scaled = context.node("Mul", [mean, context.scalar(alpha, "alpha")], x.shape, part="scaled")
    base = context.node("Add", [scaled, context.scalar(1.0, "one")], x.shape, part="base")
    factor = context.node("Pow", [base, context.scalar(-beta, "power")], x.shape, part="factor")
    return context.node("Mul", [x, factor], x.shape)


@layer("BatchNorm")
def _batch_norm(context: Context) -> Blob:
    x, param = context.bottom, context.settings("batch_norm_param")
    if x.rank < 2:
        raise context.refuse(f"its bottom has {x.rank} dimensions; it needs at least 2")
    if not param.flag("use_global_stats", default=True):
        raise context.refuse("it normalizes by the statistics of the batch: use_global_stats")
    mean, variance, factor, *affine = _load(context, x.shape[1])
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
    attributes = {"epsilon": param.number("eps", 1e-5)}
    return context.node("BatchNormalization", [x, *blobs], x.shape, attributes)


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
