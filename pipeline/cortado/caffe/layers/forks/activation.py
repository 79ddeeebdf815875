"""Layers of forks that map each value by itself.

ReLU6               min(max(x, 0), 6)
HSwish, HardSwish   x · min(max(x + 3, 0), 6) / 6
Mish                x · tanh(ln(1 + eˣ))
CReLU               ReLU of x, and of -x behind it, along an axis

Source: the MobileNet and darknet forks; Shang et al. 2016 (CReLU).
"""

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer, never

__all__: list[str] = []


@layer("ReLU6")
def _relu6(context: Context) -> Blob:
    for settings in ("relu6_param", "relu_param"):
        if context.settings(settings).number("negative_slope", 0.0):
            raise context.refuse(f"{settings}.negative_slope must be 0 in a ReLU6")
    x = context.bottom
    return context.node(
        "Clip", [x, context.scalar(0.0, "low"), context.scalar(6.0, "high")], x.shape
    )


@layer("HSwish", "HardSwish")
def _hard_swish(context: Context) -> Blob:
    return context.unary("HardSwish")


@layer("Mish")
def _mish(context: Context) -> Blob:
    x = context.bottom
    soft = context.node("Softplus", [x], x.shape, part="softplus")
    gate = context.node("Tanh", [soft], x.shape, part="tanh")
    return context.node("Mul", [x, gate], x.shape)


@layer("CReLU", in_place=never)
def _crelu(context: Context) -> Blob:
    x, param = context.bottom, context.settings("crelu_param")
    axis = context.axis(param.integer("concat_axis", 1), x.rank)
    if axis == 0:
        context.fix_batch(x, "doubles the batch")
    slope = param.number("negative_slope", 0.0)
    negative = context.node("Neg", [x], x.shape, part="negative")
    shape = (*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    both = context.node("Concat", [x, negative], shape, {"axis": axis}, part="both")
    if slope:
        return context.node("LeakyRelu", [both], shape, {"alpha": float(np.float32(slope))})
    return context.node("Relu", [both], shape)
