"""Layers of forks that move values without computing.

Permute         the axes in another order; those that `order` leaves out follow as they were
ShuffleChannel  the channels as a matrix of `group` rows, transposed
CropCenter      without `crop_size` at both ends of each axis

Source: weiliu89/caffe permute_layer.cpp; farmingyard/ShuffleNet shuffle_channel_layer.cpp;
crop_center_layer.cpp of the fork of waifu2x.
"""

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer, never

__all__: list[str] = []


@layer("Permute", in_place=never)
def _permute(context: Context) -> Blob:
    x, given = context.bottom, context.settings("permute_param").integers("order", minimum=0)
    if len(set(given)) != len(given) or any(axis >= x.rank for axis in given):
        raise context.refuse(f"order {list(given)} does not permute {x.rank} dimensions")
    order = (*given, *(axis for axis in range(x.rank) if axis not in given))
    if order == tuple(range(x.rank)):
        return x
    if order[0] != 0:
        context.fix_batch(x, "moves the batch")
    return context.node("Transpose", [x], tuple(x.shape[axis] for axis in order), {"perm": order})


@layer("ShuffleChannel", in_place=never)
def _shuffle_channel(context: Context) -> Blob:
    x, group = context.bottom, context.settings("shuffle_channel_param").integer("group", 1, 1)
    if x.rank != 4:
        raise context.refuse(f"its bottom has {x.rank} dimensions instead of 4")
    batch, channels, height, width = x.shape
    if channels % group:
        raise context.refuse(f"{group} groups do not divide {channels} channels")
    rows, columns = group, channels // group
    if 1 in (rows, columns):
        return x
    matrix = context.reshape(x, (batch, rows, columns, height, width), part="matrix")
    shape = (batch, columns, rows, height, width)
    transposed = context.node(
        "Transpose", [matrix], shape, {"perm": (0, 2, 1, 3, 4)}, part="transposed"
    )
    return context.reshape(transposed, x.shape)


@layer("CropCenter", in_place=never)
def _crop_center(context: Context) -> Blob:
    x = context.bottom
    cut = context.settings("crop_center_param").integers("crop_size", minimum=0)
    if len(cut) != x.rank:
        raise context.refuse(f"it has {len(cut)} of crop_size for {x.rank} dimensions")
    if any(2 * c >= size for c, size in zip(cut, x.shape, strict=True)):
        raise context.refuse(f"crop_size {list(cut)} leaves nothing of {list(x.shape)}")
    axes = [axis for axis, c in enumerate(cut) if c]
    if not axes:
        return x
    if 0 in axes:
        context.fix_batch(x, "crops the batch")
    shape = tuple(size - 2 * c for c, size in zip(cut, x.shape, strict=True))
    starts = [cut[axis] for axis in axes]
    ends = [x.shape[axis] - cut[axis] for axis in axes]
    numbers = {"starts": starts, "ends": ends, "axes": axes}
    bounds = [context.constant(np.asarray(n, np.int64), part) for part, n in numbers.items()]
    return context.node("Slice", [x, *bounds], shape)
