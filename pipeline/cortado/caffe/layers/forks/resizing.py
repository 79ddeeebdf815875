"""Layers of forks that make images larger or smaller: Interp and Upsample.

Interp      linear, corners on corners, after a crop by the negative pads, to the size
            (n - 1) / shrink_factor + 1, then n + (n - 1)(zoom_factor - 1), or to height x width,
            or to the size of a second bottom
Upsample    four layers share the name. With a mask of Pooling as the second bottom, each value
            goes to its place in the mask, everything else is 0; with `scale` or `upsample_ratio`
            alone, each value is repeated; whatever else there is, is refused

Source: DeepLab interp_layer.cpp; alexgkendall/caffe-segnet upsample_layer.cpp, and the forks of
PSPNet and YOLO for the one without a mask.
"""

from math import prod

import numpy as np
import onnx_ir as ir

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Blob, Out, Shape
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.message import Message

__all__: list[str] = []

_NEAREST: Attributes = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}
_LINEAR: Attributes = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
_SIZES = ("height", "width", "shrink_factor", "zoom_factor")
_PAIRS = ("upsample", "scale")
_UNPOOL_FIELDS = {"scale", "scale_h", "scale_w", "pad_out_h", "pad_out_w"}
_UNPOOL_FIELDS |= {"upsample_h", "upsample_w"}


@layer("Interp", in_place=never)
def _interp(context: Context) -> Blob:
    x, param = _image(context), context.settings("interp_param")
    begin, end = param.integer("pad_beg", 0), param.integer("pad_end", 0)
    if begin > 0 or end > 0:
        raise context.refuse("pad_beg and pad_end must be at most 0: they crop")
    inner = tuple(size + begin + end for size in x.shape[2:])
    if min(inner) < 1:
        raise context.refuse(f"its pads leave nothing of {list(x.shape)}")
    sizes = _interp_sizes(context, param, inner)
    if min(sizes) < 1:
        raise context.refuse(f"its top would have the size {list(sizes)}")
    if begin or end:
        x = _cropped(context, x, -begin, inner)
    return x if sizes == inner else _linear(context, x, sizes)


def _interp_sizes(context: Context, param: Message, sizes: Shape) -> Shape:
    """Return the height and width of the top."""
    given = {name for name in _SIZES if param.has(name)}
    if len(context.bottoms) > 1:
        if given or len(context.bottoms) > 2 or context.bottoms[1].rank != 4:
            raise context.unsupported("a second bottom is of images, and all that says its size")
        return context.bottoms[1].shape[2:]
    if given == {"height", "width"}:
        return param.integer("height", 0, minimum=1), param.integer("width", 0, minimum=1)
    if not given or not given <= {"shrink_factor", "zoom_factor"}:
        raise context.unsupported("its size is neither height and width nor shrink and zoom")
    shrink, zoom = (param.integer(name, 1, minimum=1) for name in ("shrink_factor", "zoom_factor"))
    shrunk = ((n - 1) // shrink + 1 for n in sizes)
    return tuple(n + (n - 1) * (zoom - 1) for n in shrunk)


@layer("Upsample", in_place=never)
def _upsample(context: Context) -> Blob:
    param = context.settings("upsample_param")
    fields = {field.name for field in param.fields}
    if len(context.bottoms) == 2 and fields <= _UNPOOL_FIELDS:
        return _unpool(context, _unpool_sizes(context, param))
    if len(context.bottoms) == 1 and fields in ({"scale"}, {"upsample_ratio"}):
        x, factor = _image(context), param.integer(fields.pop(), 1, minimum=1)
        return x if factor == 1 else _nearest(context, x, factor)
    raise context.unsupported(
        f"{len(context.bottoms)} bottoms and the fields {', '.join(sorted(fields)) or 'none'} "
        "do not say which of the layers of this name it is"
    )


def _unpool_sizes(context: Context, param: Message) -> Shape:
    x = _image(context)
    given, axes = ({axis for axis in "hw" if param.has(f"{name}_{axis}")} for name in _PAIRS)
    if len(given) == 1 or len(axes) == 1 or (axes and param.has("scale")):
        raise context.refuse("it needs upsample_h and upsample_w, or scale, or scale_h and scale_w")
    if given:
        return tuple(param.integer(f"upsample_{axis}", 0, minimum=2) for axis in "hw")
    scale = param.integer("scale", 2, minimum=2)
    sizes = []
    for axis, n in zip("hw", x.shape[2:], strict=True):
        factor = param.integer(f"scale_{axis}", scale, minimum=2)
        odd = param.flag(f"pad_out_{axis}", default=False)
        if odd and factor != 2:
            raise context.refuse(f"pad_out_{axis} goes with a scale of 2 only")
        sizes.append(n * factor - odd)
    return tuple(sizes)


def _unpool(context: Context, sizes: Shape) -> Blob:
    """Put each value where the mask says, an index into a plane of these sizes."""
    x, mask = context.bottoms
    if x.shape != mask.shape:
        raise context.refuse(f"its bottoms have the shapes {list(x.shape)} and {list(mask.shape)}")
    context.agree(context.bottoms)
    batch, channels, *plane = x.shape
    flat, room = (batch, channels, prod(plane)), (batch, channels, prod(sizes))
    values = context.reshape(x, flat, part="values")
    index = context.cast(context.reshape(mask, flat, part="mask"), ir.DataType.INT64, part="index")
    empty = _zeros(context, x, room)
    filled = context.node(
        "ScatterElements", [empty, index, values], room, {"axis": 2}, part="filled"
    )
    return context.reshape(filled, (batch, channels, *sizes))


def _zeros(context: Context, x: Blob, shape: Shape) -> Blob:
    """Return zeros for each item of x."""
    target = _sizes_of(context, x, shape)
    return context.node("ConstantOfShape", [target], Out(shape, symbol=x.symbol), part="zeros")


def _sizes_of(context: Context, x: Blob, shape: Shape) -> Blob:
    """Return `shape` as a vector, with as many items as x has when the graph runs."""
    if not x.batched:
        return context.integers(shape, "sizes")
    int64 = ir.DataType.INT64
    count = context.node(
        "Shape", [x], Out((1,), int64, symbol=""), {"start": 0, "end": 1}, part="items"
    )
    rest = context.integers(shape[1:], "rest")
    out = Out((len(shape),), int64, symbol="")
    return context.node("Concat", [count, rest], out, {"axis": 0}, part="sizes")


def _cropped(context: Context, x: Blob, start: int, sizes: Shape) -> Blob:
    """Return the part of each image that begins at `start` and has these sizes."""
    bounds = [
        context.integers((start, start), "starts"),
        context.integers([start + n for n in sizes], "ends"),
        context.integers((2, 3), "axes"),
    ]
    return context.node("Slice", [x, *bounds], (*x.shape[:2], *sizes), part="cropped")


def _linear(context: Context, x: Blob, sizes: Shape) -> Blob:
    """Resize with the corners of one image on the corners of the other."""
    shape = (*x.shape[:2], *sizes)
    none = context.constant(np.zeros(0, np.float32), "none")
    target = _sizes_of(context, x, shape)
    return context.node("Resize", [x, none, none, target], shape, _LINEAR)


def _nearest(context: Context, x: Blob, factor: int) -> Blob:
    """Repeat each pixel."""
    shape = (*x.shape[:2], *(factor * n for n in x.shape[2:]))
    none = context.constant(np.zeros(0, np.float32), "none")
    scales = context.constant(np.asarray([1, 1, factor, factor], np.float32), "scales")
    return context.node("Resize", [x, none, scales], shape, _NEAREST)


def _image(context: Context) -> Blob:
    """Return the first bottom, which must be a batch of images."""
    if not context.bottoms or context.bottoms[0].rank != 4:
        raise context.refuse("its first bottom is no batch of images")
    return context.bottoms[0]
