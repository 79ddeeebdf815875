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
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.layers.window import conv_window

__all__: list[str] = []

_MAX_KERNEL = 1024  # values, of which the constant has the square


@layer("Im2col", in_place=never)
def _im2col(context: Context) -> Blob:
    bottom, planes = context.bottom, planes_of(context)
    if not planes.spatial:
        raise context.refuse("its bottom has no spatial axes")
    window = conv_window(context, len(planes.spatial))
    x, size = planes.batch(context, 0), prod(window.kernel)
    if size > _MAX_KERNEL:
        raise context.refuse(f"its kernel of {size} values is larger than {_MAX_KERNEL}")
    one_hot = np.eye(size, dtype=np.float32).reshape(size, 1, *window.kernel)
    outputs = planes.channels * size
    repeats = context.integers([planes.channels, *[1] * (1 + len(window.kernel))], "channels")
    kernels = context.node(
        "Tile",
        [context.constant(one_hot, "kernel"), repeats],
        (outputs, 1, *window.kernel),
        part="kernels",
    )
    out = (x.shape[0], outputs, *window.out(planes.spatial))
    if min(out) < 1:
        raise context.refuse(f"its window does not fit its bottom, {list(bottom.shape)}")
    y = context.node("Conv", [x, kernels], out, window.attributes(planes.spatial, planes.channels))
    return planes.top(context, y, 0)
