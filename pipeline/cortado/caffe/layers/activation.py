"""Layers that map each value by itself, and Softmax.

ReLU        max(x, 0) + negative_slope·min(x, 0)
PReLU       max(x, 0) + a·min(x, 0), a learned for each channel or for all
BNLL        log(1 + exp x)
Clip        max(min(x, max), min)
Swish       x·sigmoid(beta·x)
Threshold   1 where x > threshold, else 0
Dropout     the identity; with a fork's `scale_train: false`, x·(1 - dropout_ratio)
Softmax     along one axis, by default the channels

Source: BVLC/caffe relu_layer.cpp, prelu_layer.cpp, bnll_layer.cpp, clip_layer.cpp,
swish_layer.cpp, threshold_layer.cpp, dropout_layer.cpp, softmax_layer.cpp; `scale_train` is of
the SegNet and DeepLab forks.
"""

import numpy as np
import onnx_ir as ir

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob, Out
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.parameters import BlobSpec

__all__: list[str] = []


@layer("AbsVal", in_place=never)
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


@layer("BNLL")
def _bnll(context: Context) -> Blob:
    return context.unary("Softplus")


@layer("Clip")
def _clip(context: Context) -> Blob:
    x, param = context.bottom, context.settings("clip_param")
    if not (param.has("min") and param.has("max")):
        raise context.refuse("it has no min, or no max")
    low, high = param.number("min", 0.0), param.number("max", 0.0)
    bounds = [context.scalar(low, "min"), context.scalar(max(low, high), "max")]  # min wins
    return context.node("Clip", [x, *bounds], x.shape)


@layer("Swish")
def _swish(context: Context) -> Blob:
    x, beta = context.bottom, context.settings("swish_param").number("beta", 1.0)
    scaled = x
    if beta != 1:
        scaled = context.node("Mul", [x, context.scalar(beta, "beta")], x.shape, part="scaled")
    gate = context.node("Sigmoid", [scaled], x.shape, part="gate")
    return context.node("Mul", [x, gate], x.shape)


@layer("Threshold")
def _threshold(context: Context) -> Blob:
    x = context.bottom
    threshold = context.settings("threshold_param").number("threshold", 0.0)
    out = Out(x.shape, ir.DataType.BOOL)
    above = context.node("Greater", [x, context.scalar(threshold, "threshold")], out, part="above")
    return context.cast(above, ir.DataType.FLOAT)


@layer("Dropout")
def _dropout(context: Context) -> Blob:
    param = context.settings("dropout_param")
    if context.phase == "TRAIN":
        raise context.refuse("it drops values at random, because its own phase is TRAIN")
    if param.flag("sample_weights_test", default=False):
        raise context.refuse("it drops values at random when the net is used: sample_weights_test")
    if param.flag("scale_train", default=True):
        return context.bottom
    kept = 1 - param.number("dropout_ratio", 0.5)
    x = context.bottom
    return context.node("Mul", [x, context.scalar(kept, "kept")], x.shape)


@layer("Softmax")
def _softmax(context: Context) -> Blob:
    axis = context.settings("softmax_param").integer("axis", 1)
    return context.unary("Softmax", {"axis": context.axis(axis, context.bottom.rank)})
