"""Normalizations: subtract a mean, divide by a deviation, scale and shift.

operator                statistics over
BatchNormalization      the training data, stored in the graph
InstanceNormalization   the spatial axes of each channel
GroupNormalization      the spatial axes and the channels of each group
LayerNormalization      the axes from ``axis`` on
LRN                     the neighbouring channels, squares only
"""

import torch
from torch import fx
from torch.nn import functional as F

from cortado.bridge.context import Context
from cortado.bridge.registry import operator

__all__: list[str] = []


@operator("BatchNormalization")
def _batch_normalization(ctx: Context) -> fx.Node:
    """``scale (x - mean) / sqrt(var + epsilon) + bias`` with the stored mean and variance.

    In training too: the file's statistics stay as they are, so that the loss that is trained is
    that of the network as it will run. Scale and bias learn.
    """
    attributes = ctx.node.attributes
    if attributes.get_int("training_mode", 0) or not attributes.get_int("spatial", 1):
        raise ctx.refusal("only inference with one mean per channel is supported")
    scale, bias, mean, variance = (ctx.input(index) for index in range(1, 5))
    epsilon = attributes.get_float("epsilon", 1e-5)
    return ctx.call(F.batch_norm, ctx.input(0), mean, variance, scale, bias, eps=epsilon)


@operator("InstanceNormalization")
def _instance_normalization(ctx: Context) -> fx.Node:
    """Normalize each channel of each sample."""
    scale, bias = ctx.input(1), ctx.input(2)
    epsilon = ctx.node.attributes.get_float("epsilon", 1e-5)
    return ctx.call(F.instance_norm, ctx.input(0), weight=scale, bias=bias, eps=epsilon)


@operator("GroupNormalization")
def _group_normalization(ctx: Context) -> fx.Node:
    """Normalize each group of channels; scale and bias per channel (opset 21 on)."""
    if ctx.opset < 21:
        raise ctx.refusal("before opset 21 it has a scale per group, which is not supported")
    groups = ctx.node.attributes.get_int("num_groups", 1)
    epsilon = ctx.node.attributes.get_float("epsilon", 1e-5)
    return ctx.call(F.group_norm, ctx.input(0), groups, ctx.input(1), ctx.input(2), eps=epsilon)


@operator("LayerNormalization")
def _layer_normalization(ctx: Context) -> fx.Node:
    """Normalize the axes from ``axis`` on; scale and bias have their shape, or broadcast to it."""
    axis = ctx.node.attributes.get_int("axis", -1)
    shape = ctx.dims(0)[axis:]
    if None in shape:
        raise ctx.refusal("the axes that it normalizes must be of fixed size")
    epsilon = ctx.node.attributes.get_float("epsilon", 1e-5)
    if ctx.dims(1) == shape and (not ctx.has(2) or ctx.dims(2) == shape):
        scale, bias = ctx.input(1), ctx.optional(2)
        return ctx.call(F.layer_norm, ctx.input(0), shape, scale, bias, eps=epsilon)
    normal = ctx.call(F.layer_norm, ctx.input(0), shape, eps=epsilon)
    scaled = ctx.call(torch.mul, normal, ctx.input(1))
    return ctx.call(torch.add, scaled, ctx.input(2)) if ctx.has(2) else scaled


@operator("LRN")
def _lrn(ctx: Context) -> fx.Node:
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
