"""Im2col: the values that a convolution multiplies, as channels.

    channel (c·kh + i)·kw + j of the top at (y, x) is channel c of the bottom,
    as kernel value (i, j) meets it

A convolution copies them exactly, if it has a group a channel and for each kernel value an
output whose kernel is 1 there and 0 elsewhere. That kernel is made in the graph: it is no weight
that could be pruned.

Source: BVLC/caffe im2col_layer.cpp.
"""

from math import prod

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.planes import planes_of
from cortado.caffe.layers.registry import layer
from cortado.caffe.layers.window import conv_window

__all__: list[str] = []


@layer("Im2col")
def _im2col(context: Context) -> tuple[Blob, ...]:
    planes = planes_of(context)
    if not planes.spatial:
        raise context.refuse("its bottom has no spatial axes")
    window = conv_window(context, len(planes.spatial))
    size, channels = prod(window.kernel), planes.channels
    one_hot = np.eye(size, dtype=np.float32).reshape(size, 1, *window.kernel)
    repeats = context.integers([channels, *[1] * (1 + len(window.kernel))], "channels")
    shape = (channels * size, 1, *window.kernel)
    kernels = context.node("Tile", [context.constant(one_hot, "kernel"), repeats], shape, part="w")
    tops = []
    for i in range(len(context.bottoms)):
        x = planes.batch(context, i)
        out = (x.shape[0], channels * size, *window.out(planes.spatial))
        y = context.node("Conv", [x, kernels], out, window.attributes(channels))
        tops.append(planes.top(context, y, i))
    return tuple(tops)
