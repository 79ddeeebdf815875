"""Layers that take some of the values of their bottom, or take them several times.

BatchReindex   the items whose numbers the second bottom holds
Embed          row x of a table, for each value x, plus a bias
Filter         the items for which the last bottom is not 0: how many, only a run tells
Crop           as many values as the second bottom has, along `axis` and all axes after it,
               from `offset` on (one for all axes, or one for each)
Tile           the bottom `tiles` times in a row along `axis`

Source: BVLC/caffe batch_reindex_layer.cpp, embed_layer.cpp, filter_layer.cpp, crop_layer.cpp,
tile_layer.cpp.
"""

from math import prod

import onnx_ir as ir

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob, Out, Shape
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.parameters import BlobSpec

__all__: list[str] = []


@layer("BatchReindex", in_place=never)
def _batch_reindex(context: Context) -> Blob:
    x, numbers = _two(context)
    if numbers.rank != 1:
        raise context.refuse(f"its second bottom has the shape {list(numbers.shape)}, no vector's")
    _need_axes(context, x)
    indices = context.cast(numbers, ir.DataType.INT64, "indices")
    out = Out((*numbers.shape, *x.shape[1:]), symbol=numbers.symbol)
    # Gather's output is as open as the indices are: it takes its symbol from them alone.
    return context.node("Gather", [x, indices], out, {"axis": 0})


@layer("Embed", in_place=never)
def _embed(context: Context) -> Blob:
    x, param = context.bottom, context.settings("embed_param")
    outputs = param.integer("num_output", 0, minimum=1)
    rows = param.integer("input_dim", 0, minimum=1)
    if not (outputs and rows):
        raise context.refuse("it has no num_output, or no input_dim")
    specs = [BlobSpec("weight", (rows, outputs), param.message("weight_filler"))]
    if param.flag("bias_term", default=True):
        specs.append(BlobSpec("bias", (outputs,), param.message("bias_filler")))
    table, *biases = (context.initializer(parameter) for parameter in context.load(*specs))
    indices = context.cast(x, ir.DataType.INT64, "indices")
    y = context.node("Gather", [table, indices], (*x.shape, outputs), {"axis": 0})
    for bias in biases:
        y = context.node("Add", [y, bias], y.shape, part="add")
    return y


@layer("Filter")
def _filter(context: Context) -> tuple[Blob, ...]:
    *blobs, selector = context.bottoms
    if not blobs:
        raise context.refuse("it needs at least 2 bottoms, the last of which selects")
    for blob in context.bottoms:
        _need_axes(context, blob)
        if blob.shape[0] != selector.shape[0]:
            raise context.refuse(f"its bottoms have {blob.shape[0]} and {selector.shape[0]} items")
    if prod(selector.shape[1:]) != 1:
        raise context.refuse(f"its selector has the shape {list(selector.shape)}, not one an item")
    context.agree(context.bottoms)
    kept = context.cast(
        context.reshape(selector, selector.shape[:1], part="selector"), ir.DataType.BOOL, "kept"
    )
    symbol = f"{context.layer.name}/kept"
    return tuple(
        context.node("Compress", [blob, kept], Out(blob.shape, symbol=symbol), {"axis": 0})
        for blob in blobs
    )


@layer("Crop", in_place=never)
def _crop(context: Context) -> Blob:
    x, like = _two(context)
    param = context.settings("crop_param")
    axis, offsets = context.axis(param.integer("axis", 2), x.rank), param.integers("offset", 0)
    axes = tuple(range(axis, x.rank))
    if len(offsets) not in (0, 1, len(axes)):
        raise context.refuse(f"it has {len(offsets)} of offset for {len(axes)} axes")
    if like.rank < x.rank:
        raise context.refuse(f"its second bottom has {like.rank} dimensions instead of {x.rank}")
    starts = offsets * len(axes) if len(offsets) == 1 else offsets or (0,) * len(axes)
    ends = tuple(start + like.shape[i] for start, i in zip(starts, axes, strict=True))
    if any(end > x.shape[i] for end, i in zip(ends, axes, strict=True)):
        raise context.refuse(f"{list(like.shape)} from {list(starts)} on is not in {list(x.shape)}")
    if axis == 0:
        for blob in (x, like):
            context.fix_batch(blob, "crops the batch")
    shape = (*x.shape[:axis], *(end - start for start, end in zip(starts, ends, strict=True)))
    if shape == x.shape:
        return x
    bounds = [context.integers(starts, "starts"), context.integers(ends, "ends")]
    return context.node("Slice", [x, *bounds, context.integers(axes, "axes")], shape)


@layer("Tile", in_place=never)
def _tile(context: Context) -> Blob:
    x, param = context.bottom, context.settings("tile_param")
    axis, tiles = context.axis(param.integer("axis", 1), x.rank), param.integer("tiles", 0, 1)
    if not tiles:
        raise context.refuse("it has no tiles")
    if tiles == 1:
        return x
    if axis == 0:
        context.fix_batch(x, "repeats the batch")
    repeats = context.integers([tiles if i == axis else 1 for i in range(x.rank)], "repeats")
    shape: Shape = (*x.shape[:axis], tiles * x.shape[axis], *x.shape[axis + 1 :])
    return context.node("Tile", [x, repeats], shape)


def _two(context: Context) -> tuple[Blob, Blob]:
    if len(context.bottoms) != 2:
        raise context.refuse(f"it has {len(context.bottoms)} bottoms instead of 2")
    return context.bottoms[0], context.bottoms[1]


def _need_axes(context: Context, blob: Blob) -> None:
    if not blob.rank:
        raise context.refuse("one of its bottoms is a single number")
