"""Layers that map each value by itself, and Softmax.

ReLU      max(x, 0) + negative_slope·min(x, 0)
PReLU     max(x, 0) + a·min(x, 0), a learned for each channel or for all
Power     (shift + scale·x)^power
Dropout   the identity; with a fork's `scale_train: false`, x·(1 - dropout_ratio)
Softmax   along one axis, by default the channels

Source: BVLC/caffe relu_layer.cpp, prelu_layer.cpp, power_layer.cpp, dropout_layer.cpp,
softmax_layer.cpp; `scale_train` is of the SegNet and DeepLab forks.
"""

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer
from cortado.caffe.parameters import BlobSpec

__all__: list[str] = []


@layer("AbsVal")
def _abs(context: Context) -> Blob:
    return context.unary("Abs")


@layer("Sigmoid")
def _sigmoid(context: Context) -> Blob:
    return context.unary("Sigmoid")


@layer("TanH")
def _tanh(context: Context) -> Blob:
    return context.unary("Tanh")


@layer("ELU")
def _elu(context: Context) -> Blob:
    return context.unary("Elu", {"alpha": context.settings("elu_param").finite("alpha", 1.0)})


@layer("ReLU")
def _relu(context: Context) -> Blob:
    slope = context.settings("relu_param").finite("negative_slope", 0.0)
    return context.unary("LeakyRelu", {"alpha": slope}) if slope else context.unary("Relu")


@layer("PReLU")
def _prelu(context: Context) -> Blob:
    x, param = context.bottom, context.settings("prelu_param")
    if x.rank < 2:
        raise context.refuse(f"its bottom has {x.rank} dimensions; it needs at least 2")
    shape = () if param.flag("channel_shared", default=False) else (x.shape[1],)
    spec = BlobSpec("weight", shape, param.message("filler"), default=0.25)
    (slope,) = context.load(spec)
    if not np.isfinite(slope.array).all():  # Caffe spreads it: 0 times infinity
        raise context.refuse("its slope has values that are NaN or infinite")
    # ONNX aligns the slope with the last axis: (C,) -> (C, 1, 1).
    aligned = (*(shape or (1,)), *[1] * (x.rank - 2))
    return context.node("PRelu", [x, context.initializer(slope, aligned)], x.shape)


@layer("Power")
def _power(context: Context) -> Blob:
    x, param = context.bottom, context.settings("power_param")
    power, scale = param.number("power", 1.0), param.number("scale", 1.0)
    shift = param.number("shift", 0.0)
    if power == 0 or scale == 0:  # a constant, even where x is infinite
        with np.errstate(divide="ignore", invalid="ignore"):
            return _filled(context, float(np.power(np.float32(shift), np.float32(power))))
    if scale != 1:
        x = context.node("Mul", [x, context.scalar(scale, "scale")], x.shape, part="scaled")
    if shift != 0:
        x = context.node("Add", [x, context.scalar(shift, "shift")], x.shape, part="shifted")
    if power != 1:
        x = context.node("Pow", [x, context.scalar(power, "power")], x.shape)
    return x


def _filled(context: Context, value: float) -> Blob:
    """Return a constant of the shape of the bottom: x^0 is 1 for every x, even an infinite one."""
    x = context.bottom
    one = context.node("Pow", [x, context.scalar(0.0, "zero")], x.shape, part="one")
    return context.node("Mul", [one, context.scalar(value, "value")], x.shape)


@layer("Dropout")
def _dropout(context: Context) -> Blob:
    param = context.settings("dropout_param")
    if param.flag("scale_train", default=True):
        return context.bottom
    kept = 1 - param.number("dropout_ratio", 0.5)
    x = context.bottom
    return context.node("Mul", [x, context.scalar(kept, "kept")], x.shape)


@layer("Softmax")
def _softmax(context: Context) -> Blob:
    axis = context.settings("softmax_param").integer("axis", 1)
    axis = context.axis(axis, context.bottom.rank)
    if axis == 0:
        context.fix_batch(context.bottom, "normalizes along the batch")
    return context.unary("Softmax", {"axis": axis})
