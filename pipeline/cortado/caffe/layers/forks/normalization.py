"""Normalize and BN.

Normalize (SSD)   x / √(Σ x² + eps) · scale, the sum over the channels of each position, or with
                  `across_spatial` (the default) over the whole item; scale is one number, or with
                  `channel_shared: false` one a channel
BN, four blobs    (x - mean) / √(var + eps) · slope + bias, each blob of shape (1, C)
BN, two blobs     scale · x + shift, each of shape (1, C, 1, 1), with `bn_mode: INFERENCE`, for
                  which the statistics are folded into the blobs

There are other layers of both names, that disagree in their formulas and not always in their
fields. Blobs decide: Normalize without its scale and BN with other blobs are refused.

Source: weiliu89/caffe normalize_layer.cpp; yjxiong/caffe bn_layer.cpp;
alexgkendall/caffe-segnet bn_layer.cpp.
"""

from math import prod

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer
from cortado.caffe.message import Message
from cortado.caffe.parameters import BlobSpec

__all__: list[str] = []

_BN_MODES = ("LEARN", "INFERENCE")


@layer("Normalize")
def _normalize(context: Context) -> Blob:
    x, param = context.bottom, context.settings("norm_param")
    if x.rank not in (2, 3, 4):
        raise context.refuse(f"its bottom has {x.rank} dimensions instead of 2 to 4")
    stored = context.stored()
    if context.layer.message.has("normalize_param") or param.has("scale") or stored == 0:
        raise context.unsupported("it is not SSD's Normalize, and forks disagree on the others")
    shared = param.flag("channel_shared", default=True)
    spec = BlobSpec(
        "weight", () if shared else (x.shape[1],), param.message("scale_filler"), default=1.0
    )
    (scale,) = context.load(spec)
    across = param.flag("across_spatial", default=True)
    axes = tuple(range(1, x.rank)) if across else (1,)
    norm = _norm(context, axes, param.number("eps", 1e-10))
    unit = context.node("Div", [x, norm], x.shape, part="unit")
    aligned = () if shared else (x.shape[1], *[1] * (x.rank - 2))
    return context.node("Mul", [unit, context.initializer(scale, aligned)], x.shape)


def _norm(context: Context, axes: tuple[int, ...], eps: float) -> Blob:
    """Return √(Σ x² + eps), the axes that were summed over of size 1."""
    x = context.bottom
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    square = context.node("Mul", [x, x], x.shape, part="square")
    indices = context.integers(axes, "axes")
    total = context.node("ReduceSum", [square, indices], shape, {"keepdims": 1}, part="total")
    safe = context.node("Add", [total, context.scalar(eps, "eps")], shape, part="safe")
    return context.node("Sqrt", [safe], shape, part="norm")


@layer("BN")
def _bn(context: Context) -> Blob:
    x, param = context.bottom, context.settings("bn_param")
    if x.rank < 2:
        raise context.refuse(f"its bottom has {x.rank} dimensions; it needs at least 2")
    if not param.flag("use_global_stats", default=True):
        raise context.refuse("it normalizes by the statistics of the batch: use_global_stats")
    count = {prod(shape) for shape in context.shapes()}
    if count and count != {x.shape[1]}:
        raise context.unsupported(
            f"not all its blobs have a value for each of {x.shape[1]} channels"
        )
    folded = param.choice("bn_mode", _BN_MODES, "LEARN") == "INFERENCE"
    if context.stored() in (2, None) and folded:
        return _folded_bn(context, param)
    if context.stored() in (4, None) and not param.has("bn_mode"):
        return _statistics_bn(context, param)
    raise context.unsupported(
        "a BN has four blobs (slope, bias, mean, variance), or two and bn_mode: INFERENCE; "
        "forks disagree on the others"
    )


def _statistics_bn(context: Context, param: Message) -> Blob:
    x = context.bottom
    shape = (1, x.shape[1])
    specs = [
        BlobSpec("scale", shape, param.message("slope_filler"), default=1.0),
        BlobSpec("bias", shape, param.message("bias_filler")),
        BlobSpec("mean", shape),
        BlobSpec("variance", shape, default=1.0),  # without weights: the identity
    ]
    blobs = [context.initializer(blob, (x.shape[1],)) for blob in context.load(*specs)]
    attributes = {"epsilon": param.number("eps", 1e-5)}
    return context.node("BatchNormalization", [x, *blobs], x.shape, attributes)


def _folded_bn(context: Context, param: Message) -> Blob:
    x = context.bottom
    shape, aligned = (1, x.shape[1], 1, 1), (x.shape[1], *[1] * (x.rank - 2))
    specs = [
        BlobSpec("weight", shape, param.message("scale_filler")),
        BlobSpec("bias", shape, param.message("shift_filler")),
    ]
    scale, shift = (context.initializer(blob, aligned) for blob in context.load(*specs))
    scaled = context.node("Mul", [x, scale], x.shape)
    return context.node("Add", [scaled, shift], x.shape, part="add")
