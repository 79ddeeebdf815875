"""Axpy: a · x + y, where a has one value for each channel of each item.

Source: hujie-frank/SENet axpy_layer.cpp.
"""

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer, never

__all__: list[str] = []


@layer("Axpy", in_place=never)
def _axpy(context: Context) -> Blob:
    if len(context.bottoms) != 3:
        raise context.refuse(f"it has {len(context.bottoms)} bottoms instead of 3")
    a, x, y = context.bottoms
    ones = (1,) * (x.rank - 2)
    if x.shape != y.shape or x.rank < 2 or a.shape not in (x.shape[:2], (*x.shape[:2], *ones)):
        found = " and ".join(str(list(blob.shape)) for blob in context.bottoms)
        raise context.refuse(f"its bottoms have the shapes {found}, not a channel's, x and x")
    context.agree(context.bottoms)
    factor = context.reshape(a, (*x.shape[:2], *ones), part="align")
    scaled = context.node("Mul", [x, factor], x.shape, part="scaled")
    return context.node("Add", [scaled, y], x.shape)
