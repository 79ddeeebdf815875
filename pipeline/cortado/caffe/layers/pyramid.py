"""SPP: poolings into 1, 4, 16, … parts of the image, flattened and joined.

Level l, of `pyramid_height` levels, divides each axis into b = 2^l parts:

    kernel = stride = ⌈n / b⌉,  pad = ⌊(kernel·b - n + 1) / 2⌋

Each is a Pooling like any other, and refused where that one would be. A pyramid of one level is
not flattened.

Source: BVLC/caffe spp_layer.cpp; He et al. 2014.
"""

from math import prod

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob, Shape
from cortado.caffe.layers.pooling import PoolWindow, check_pooled, pooled
from cortado.caffe.layers.registry import layer, never

__all__: list[str] = []


@layer("SPP", in_place=never)
def _pyramid(context: Context) -> Blob:
    param = context.settings("spp_param")
    method, levels = check_pooled(context, param), param.integer("pyramid_height", 0, minimum=1)
    if not levels:
        raise context.refuse("it has no pyramid_height")
    sizes = context.bottom.shape[2:]
    if levels > max(sizes).bit_length() + 2:  # far beyond the last level that can be pooled
        raise context.refuse(f"its {levels} levels are too many for {list(sizes)} pixels")
    if levels == 1:
        return pooled(context, _level(0, sizes), method)
    parts = [_flat(context, level, method) for level in range(levels)]
    shape = (parts[0].shape[0], sum(part.shape[1] for part in parts))
    return context.node("Concat", parts, shape, {"axis": 1})


def _flat(context: Context, level: int, method: str) -> Blob:
    part = f"level{level}"
    y = pooled(context, _level(level, context.bottom.shape[2:]), method, part)
    shape = (y.shape[0], prod(y.shape[1:]))
    return context.node("Flatten", [y], shape, {"axis": 1}, f"{part}/flatten")


def _level(level: int, sizes: Shape) -> PoolWindow:
    bins = 2**level
    kernel = tuple(-(-size // bins) for size in sizes)
    pad = tuple((k * bins - size + 1) // 2 for k, size in zip(kernel, sizes, strict=True))
    return PoolWindow(kernel, kernel, pad)
