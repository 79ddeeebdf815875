"""Scale and Bias: times, or plus, a blob that spans some of the axes of the bottom.

The blob is a parameter of shape bottom.shape[axis : axis + num_axes] (num_axes -1: up to the
last axis; 0: a scalar), or the second bottom, whose shape must be that of the axes from `axis`
on. Scale with `bias_term` adds a blob of the same shape.

Source: BVLC/caffe scale_layer.cpp, bias_layer.cpp.
"""

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob, Shape
from cortado.caffe.layers.registry import layer
from cortado.caffe.message import Message
from cortado.caffe.parameters import BlobSpec

__all__: list[str] = []


@layer("Scale")
def _scale(context: Context) -> Blob:
    param = context.settings("scale_param")
    axis, shape = _span(context, param)
    specs = []
    if len(context.bottoms) == 1:
        specs.append(BlobSpec("weight", shape, param.message("filler"), default=1.0))
    if param.flag("bias_term", default=False):
        specs.append(BlobSpec("bias", shape, param.message("bias_filler")))
    x, aligned = context.bottoms[0], _aligned(context.bottoms[0], axis, shape)
    blobs = [context.initializer(parameter, aligned) for parameter in context.load(*specs)]
    factor = blobs.pop(0) if len(context.bottoms) == 1 else _second(context, axis, aligned)
    y = context.node("Mul", [x, factor], x.shape)
    return context.node("Add", [y, *blobs], x.shape, part="add") if blobs else y


@layer("Bias")
def _bias(context: Context) -> Blob:
    param = context.settings("bias_param")
    axis, shape = _span(context, param)
    x, aligned = context.bottoms[0], _aligned(context.bottoms[0], axis, shape)
    if len(context.bottoms) == 2:
        return context.node("Add", [x, _second(context, axis, aligned)], x.shape)
    (bias,) = context.load(BlobSpec("bias", shape, param.message("filler")))
    return context.node("Add", [x, context.initializer(bias, aligned)], x.shape)


def _span(context: Context, param: Message) -> tuple[int, Shape]:
    """Return the first axis that the blob spans, and the blob's shape."""
    context.need_bottoms(1, 2)
    x = context.bottoms[0]
    if len(context.bottoms) == 2 and context.bottoms[1].shape == ():
        return 0, ()
    axis = context.axis(param.integer("axis", 1), x.rank)
    if len(context.bottoms) == 2:
        shape = context.bottoms[1].shape
        if x.shape[axis : axis + len(shape)] != shape:
            raise context.refuse(
                f"its second bottom has the shape {list(shape)}, "
                f"not that of axes of {list(x.shape)} from {axis} on"
            )
        return axis, shape
    count = param.integer("num_axes", 1, minimum=-1)
    end = x.rank if count == -1 else axis + count
    if end > x.rank:
        raise context.refuse(f"{count} axes from {axis} on are more than {list(x.shape)} has")
    if axis == 0 and end > 0:
        context.fix_batch(x, "has parameters for each item of the batch")
    return axis, x.shape[axis:end]


def _aligned(x: Blob, axis: int, shape: Shape) -> Shape:
    """Return `shape` with ones behind it, so that its last axis is aligned with that of x."""
    return (*shape, *[1] * (x.rank - axis - len(shape))) if shape else ()


def _second(context: Context, axis: int, aligned: Shape) -> Blob:
    x, second = context.bottoms
    if axis != 0 or not x.batched:
        context.fix_batch(second, "aligns a batch with another axis")
    elif not second.batched and second.shape != ():
        context.fix_batch(x, "has a second bottom of a fixed batch size")
    return context.reshape(second, aligned, part="align")
