"""Normalizations: subtract a mean, divide by a deviation, scale and shift.

operator                    statistics over
BatchNormalization          the training data, stored in the graph; in training mode the batch
InstanceNormalization       the spatial axes of each channel
GroupNormalization          the spatial axes and the channels of each group
LayerNormalization          the axes from ``axis`` on
RMSNormalization            the same, squares only
MeanVarianceNormalization   the given axes
LpNormalization             one axis, a norm only
LRN                         the neighbouring channels, squares only
"""

import torch
from torch import fx
from torch.nn import functional as F

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__: list[str] = []


@operator("BatchNormalization")
def _batch_normalization(ctx: NodeContext) -> fx.Node:
    """``scale (x - mean) / sqrt(var + epsilon) + bias`` with the stored mean and variance.

    In training too: the file's statistics stay as they are, so that the loss that is trained is
    that of the network as it will run. Scale and bias learn. A node in training mode computes with
    the mean and variance of the batch, always, as onnxruntime does.
    """
    attributes = ctx.node.attributes
    scale, bias, mean, variance = (ctx.input(index) for index in range(1, 5))
    epsilon = attributes.get_float("epsilon", 1e-5)
    x = ctx.input(0)
    if attributes.get_int("training_mode", 0):
        options = {"weight": scale, "bias": bias, "training": True, "eps": epsilon}
        return ctx.call(F.batch_norm, x, None, None, **options)
    if not attributes.get_int("spatial", 1):  # before opset 9: a mean for each element
        return ctx.call(_normalized, x, mean, variance, (scale, bias), epsilon)
    return ctx.call(F.batch_norm, x, mean, variance, scale, bias, eps=epsilon)


@operator("InstanceNormalization")
def _instance_normalization(ctx: NodeContext) -> fx.Node:
    """Normalize each channel of each sample."""
    scale, bias = ctx.input(1), ctx.input(2)
    epsilon = ctx.node.attributes.get_float("epsilon", 1e-5)
    return ctx.call(F.instance_norm, ctx.input(0), weight=scale, bias=bias, eps=epsilon)


@operator("GroupNormalization")
def _group_normalization(ctx: NodeContext) -> fx.Node:
    """Normalize each group of channels; scale and bias per channel (opset 21 on)."""
    if ctx.opset < 21:
        raise ctx.refusal("before opset 21 it has a scale per group, which is not supported")
    groups = ctx.node.attributes.get_int("num_groups", 1)
    epsilon = ctx.node.attributes.get_float("epsilon", 1e-5)
    return ctx.call(F.group_norm, ctx.input(0), groups, ctx.input(1), ctx.input(2), eps=epsilon)


@operator("LayerNormalization")
def _layer_normalization(ctx: NodeContext) -> fx.Node:
    """Normalize the axes from ``axis`` on; scale and bias have their shape, or broadcast to it."""
    axis = ctx.node.attributes.get_int("axis", -1)
    epsilon = ctx.node.attributes.get_float("epsilon", 1e-5)
    shape = ctx.dims(0)[axis:]
    if None in shape:
        shape = ctx.dims(1)
        if None in shape or len(shape) != len(ctx.dims(0)[axis:]):
            raise ctx.refusal("the axes that it normalizes must be of fixed size")
    if ctx.dims(1) == shape and (not ctx.has(2) or ctx.dims(2) == shape):
        scale, bias = ctx.input(1), ctx.optional(2)
        return ctx.call(F.layer_norm, ctx.input(0), shape, scale, bias, eps=epsilon)
    normal = ctx.call(F.layer_norm, ctx.input(0), shape, eps=epsilon)
    scaled = ctx.call(torch.mul, normal, ctx.input(1))
    return ctx.call(torch.add, scaled, ctx.input(2)) if ctx.has(2) else scaled


@operator("RMSNormalization")
def _rms_normalization(ctx: NodeContext) -> fx.Node:
    """``scale x / sqrt(mean(x²) + epsilon)`` over the axes from ``axis`` on."""
    axis, rank = ctx.node.attributes.get_int("axis", -1), ctx.rank(0)
    axes = tuple(range(axis % rank, rank))
    epsilon = ctx.node.attributes.get_float("epsilon", 1e-5)
    return ctx.call(_by_root_mean_square, ctx.input(0), ctx.input(1), axes, epsilon)


@operator("MeanVarianceNormalization")
def _mean_variance_normalization(ctx: NodeContext) -> fx.Node:
    """``(x - mean) / deviation`` over some axes, by default all but the channels."""
    axes = tuple(ctx.node.attributes.get_ints("axes", (0, 2, 3)))
    return ctx.call(_standardized, ctx.input(0), axes)


@operator("LpNormalization")
def _lp_normalization(ctx: NodeContext) -> fx.Node:
    """Divide by the sum of magnitudes, or the Euclidean norm, along an axis."""
    attributes = ctx.node.attributes
    p, axis = attributes.get_int("p", 2), attributes.get_int("axis", -1)
    return ctx.call(F.normalize, ctx.input(0), float(p), axis, eps=0.0)


@operator("LRN")
def _lrn(ctx: NodeContext) -> fx.Node:
    """``x / (bias + alpha/size sum x²)^beta`` over ``size`` channels around each.

    PyTorch and ONNX both divide alpha by the size; of an even size, ONNX takes the larger half
    from the channels behind, PyTorch from those in front.
    """
    attributes = ctx.node.attributes
    size = attributes.get_int("size", 1)
    alpha = attributes.get_float("alpha", 1e-4)
    beta, bias = attributes.get_float("beta", 0.75), attributes.get_float("bias", 1.0)
    if size % 2:
        return ctx.call(F.local_response_norm, ctx.input(0), size, alpha=alpha, beta=beta, k=bias)
    raise ctx.refusal("an even size is not supported")


def _normalized(
    x: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    line: tuple[torch.Tensor, torch.Tensor],
    epsilon: float,
) -> torch.Tensor:
    scale, bias = line
    return scale * (x - mean) * torch.rsqrt(variance + epsilon) + bias


def _by_root_mean_square(
    x: torch.Tensor, scale: torch.Tensor, axes: tuple[int, ...], epsilon: float
) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(axes, keepdim=True) + epsilon) * scale


def _standardized(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    centred = x - x.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True).sqrt() + 1e-9)
