"""Layers that join or part blobs.

Concat    along `axis` (or the older `concat_dim`)
Slice     at the positions `slice_point`, or into equal parts, along `axis` (or `slice_dim`)
Split     the same blob several times: nothing to do in a graph
Eltwise   SUM with a coefficient a bottom, PROD or MAX of blobs of one shape

Source: BVLC/caffe concat_layer.cpp, slice_layer.cpp, split_layer.cpp, eltwise_layer.cpp.
"""

from functools import reduce
from itertools import pairwise

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer, never, of_one_blob
from cortado.caffe.net import LayerSpec

__all__: list[str] = []

_OPERATIONS = ("PROD", "SUM", "MAX")


@layer("Concat", in_place=of_one_blob)
def _concat(context: Context) -> Blob:
    if not context.bottoms:
        raise context.refuse("it has no bottom")
    first = context.bottoms[0]
    axis = _axis(context, "concat_param", "concat_dim")
    for blob in context.bottoms:
        if _without(blob.shape, axis) != _without(first.shape, axis):
            raise context.refuse(
                f"its bottoms have the shapes {list(first.shape)} and {list(blob.shape)}"
            )
        if axis == 0:
            context.fix_batch(blob, "joins blobs along the batch")
    context.agree(context.bottoms)
    if len(context.bottoms) == 1:
        return first
    size = sum(blob.shape[axis] for blob in context.bottoms)
    shape = (*first.shape[:axis], size, *first.shape[axis + 1 :])
    return context.node("Concat", context.bottoms, shape, {"axis": axis})


@layer("Slice", in_place=of_one_blob)
def _slice(context: Context) -> tuple[Blob, ...]:
    x, tops = context.bottom, len(context.layer.tops)
    axis = _axis(context, "slice_param", "slice_dim")
    if axis == 0:
        context.fix_batch(x, "cuts the batch")
    sizes = _sizes(context, x.shape[axis])
    if tops == 1:
        return (x,)
    parts = context.integers(sizes, "sizes")
    shapes = [(*x.shape[:axis], size, *x.shape[axis + 1 :]) for size in sizes]
    return context.nodes("Split", [x, parts], shapes, {"axis": axis})


@layer("Split", in_place=never)
def _split(context: Context) -> tuple[Blob, ...]:
    return (context.bottom,) * len(context.layer.tops)


def _operation(layer: LayerSpec) -> str:
    return layer.message.message("eltwise_param").choice("operation", _OPERATIONS, "SUM")


def _is_product(layer: LayerSpec) -> bool:
    return _operation(layer) == "PROD"


@layer("Eltwise", in_place=_is_product)
def _eltwise(context: Context) -> Blob:
    blobs, param = context.bottoms, context.settings("eltwise_param")
    operation = _operation(context.layer)
    coefficients = param.numbers("coeff")
    if len(blobs) < 2:
        raise context.refuse(f"it has {len(blobs)} bottoms; it needs at least 2")
    shapes = {blob.shape for blob in blobs}
    if len(shapes) > 1:
        found = " and ".join(str(list(shape)) for shape in sorted(shapes))
        raise context.refuse(f"its bottoms have different shapes: {found}")
    if coefficients and (operation != "SUM" or len(coefficients) != len(blobs)):
        raise context.refuse("coeff is for SUM only, one for each bottom")
    context.agree(blobs)
    terms = [_times(context, i, c) for i, c in enumerate(coefficients)] or list(blobs)
    op = {"PROD": "Mul", "SUM": "Add", "MAX": "Max"}[operation]
    return reduce(lambda a, b: context.node(op, [a, b], a.shape), terms)


def _times(context: Context, index: int, coefficient: float) -> Blob:
    blob = context.bottoms[index]
    if coefficient == 1:
        return blob
    factor = context.scalar(coefficient, f"coeff{index}")
    return context.node("Mul", [blob, factor], blob.shape, part=f"term{index}")


def _axis(context: Context, settings: str, old_name: str) -> int:
    """Return the axis that the layer works along, whichever field says it."""
    param, rank = context.settings(settings), context.bottoms[0].rank
    if param.has("axis") and param.has(old_name):
        raise context.refuse(f"it has both axis and {old_name}")
    if param.has(old_name):
        return context.axis(param.integer(old_name, 1, minimum=0), rank)
    return context.axis(param.integer("axis", 1), rank)


def _sizes(context: Context, size: int) -> list[int]:
    """Return the extent of each top; they add up to `size`."""
    points = context.settings("slice_param").integers("slice_point", minimum=0)
    tops = len(context.layer.tops)
    if not points:
        if size % tops:
            raise context.refuse(f"{size} cannot be cut into {tops} equal parts")
        return [size // tops] * tops
    if len(points) != tops - 1:
        raise context.refuse(f"{tops} tops need {tops - 1} of slice_point, not {len(points)}")
    sizes = [end - start for start, end in pairwise((0, *points, size))]
    if min(sizes) < 1:
        raise context.refuse(f"slice_point {list(points)} does not cut {size} into parts")
    return sizes


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], -1, *shape[axis + 1 :])
