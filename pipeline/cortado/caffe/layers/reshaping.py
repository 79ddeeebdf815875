"""Layers that give the same values another shape.

Flatten   merges the axes from `axis` to `end_axis`, both included; where the end is just before
          the start there is nothing to merge, and a 1 is put in
Reshape   replaces the axes of a span by `shape`, where 0 copies the bottom's size at the same
          position and one -1 is what remains; the span begins at `axis` (-1: after the last)
          and has `num_axes` axes (-1: all that follow)

Source: BVLC/caffe flatten_layer.cpp, reshape_layer.cpp.
"""

from math import prod

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob, Shape
from cortado.caffe.layers.registry import layer, never

__all__: list[str] = []


@layer("Flatten", in_place=never)
def _flatten(context: Context) -> Blob:
    x, param = context.bottom, context.settings("flatten_param")
    start = context.axis(param.integer("axis", 1), x.rank)
    end = context.axis(param.integer("end_axis", -1), x.rank)
    if end < start - 1:
        raise context.refuse(f"its end_axis {end} comes before its axis {start}")
    if start == 0 and end > 0:
        context.fix_batch(x, "flattens the batch")
    if start == 1 and end == x.rank - 1 and x.rank > 2:
        return context.node("Flatten", [x], (x.shape[0], prod(x.shape[1:])), {"axis": 1})
    shape = (*x.shape[:start], prod(x.shape[start : end + 1]), *x.shape[end + 1 :])
    return context.reshape(x, shape)


@layer("Reshape", in_place=never)
def _reshape(context: Context) -> Blob:
    x, param = context.bottom, context.settings("reshape_param")
    start, end = _span(context)
    dims = param.message("shape").integers("dim", minimum=-1)
    if dims.count(-1) > 1:
        raise context.refuse("its shape has more than one -1")
    if any(dim == 0 and start + i >= x.rank for i, dim in enumerate(dims)):
        raise context.refuse(f"its shape copies a dimension that {list(x.shape)} does not have")
    copied = [x.shape[start + i] if dim == 0 else dim for i, dim in enumerate(dims)]
    shape = (*x.shape[:start], *copied, *x.shape[end:])
    known = prod(dim for dim in shape if dim != -1)
    if -1 in shape and prod(x.shape) % known == 0:
        shape = tuple(prod(x.shape) // known if dim == -1 else dim for dim in shape)
    if prod(shape) != prod(x.shape):
        raise context.refuse(f"{list(x.shape)} cannot be reshaped to {list(shape)}")
    if start == 0 and not _leaves_batch(x, dims, shape):
        context.fix_batch(x, "reshapes the batch")
    return context.reshape(x, shape)


def _span(context: Context) -> tuple[int, int]:
    """Return the first axis that is replaced, and the one after the last."""
    rank, param = context.bottom.rank, context.settings("reshape_param")
    axis, count = param.integer("axis", 0), param.integer("num_axes", -1, minimum=-1)
    start = axis if axis >= 0 else rank + axis + 1
    end = rank if count == -1 else start + count
    if not 0 <= start <= end <= rank:
        raise context.refuse(f"axis {axis} and num_axes {count} are no span of {rank} dimensions")
    return start, end


def _leaves_batch(x: Blob, dims: tuple[int, ...], shape: Shape) -> bool:
    """Return whether the first dimension stays what it is, whatever the batch size."""
    return dims[:1] in ((0,), (-1,)) and prod(shape[1:]) == prod(x.shape[1:])
