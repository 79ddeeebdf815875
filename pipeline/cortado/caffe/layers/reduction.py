"""Layers that make one value, or the best few, of many.

Reduction   coeff · Σx, Σ|x|, Σx² or the mean of x, over all axes from `axis` on
ArgMax      the places of the `top_k` largest values along `axis`, or, with `out_max_val`, those
            values; without an axis of the whole item, (N, 1, top_k), or (N, 2, top_k) with the
            values after the places

Of equal values the last is the largest to Caffe.

Source: BVLC/caffe reduction_layer.cpp, argmax_layer.cpp.
"""

from math import prod

import numpy as np
import onnx_ir as ir

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Blob, Out, Shape
from cortado.caffe.layers.registry import layer, never

__all__: list[str] = []

_OPERATIONS = ("", "SUM", "ASUM", "SUMSQ", "MEAN")
_REDUCTIONS = {"ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}
_FIRST = -(2**63)  # where a Slice backwards ends that takes all


@layer("Reduction", in_place=never)
def _reduction(context: Context) -> Blob:
    x, param = context.bottom, context.settings("reduction_param")
    operation = param.choice("operation", _OPERATIONS, "SUM")
    axis, coefficient = context.axis(param.integer("axis", 0), x.rank), param.number("coeff", 1.0)
    axes, shape = tuple(range(axis, x.rank)), x.shape[:axis]
    if operation == "SUM":
        inputs = [x, context.integers(axes, "axes")]
        y = context.node("ReduceSum", inputs, shape, {"keepdims": 0})
    else:
        attributes: Attributes = {"axes": axes, "keepdims": 0}
        y = context.node(_REDUCTIONS[operation], [x], shape, attributes)
    if coefficient == 1:
        return y
    factor = context.scalar(coefficient, "coeff")
    return context.node("Mul", [y, factor], shape, part="times_coeff")


@layer("ArgMax", in_place=never)
def _arg_max(context: Context) -> Blob:
    x, param = context.bottom, context.settings("argmax_param")
    top_k, values = param.integer("top_k", 1, minimum=1), param.flag("out_max_val", default=False)
    along = context.axis(param.integer("axis", 0), x.rank) if param.has("axis") else None
    if along is None:
        x = context.reshape(x, (x.shape[0], prod(x.shape[1:])), part="flatten")
    axis = 1 if along is None else along
    if top_k > x.shape[axis]:
        raise context.refuse(f"its top_k is {top_k} of only {x.shape[axis]} values")
    if axis == 0:
        context.fix_batch(x, "compares the items of the batch")
    if along is not None:
        return _values(context, x, axis, top_k) if values else _places(context, x, axis, top_k)
    shape = (x.shape[0], 1, top_k, *[1] * (context.bottom.rank - 3))
    places = context.reshape(_places(context, x, axis, top_k), shape, part="row")
    if not values:
        return places
    largest = context.reshape(_values(context, x, axis, top_k), shape, part="value_row")
    both = (shape[0], 2, *shape[2:])
    return context.node("Concat", [places, largest], both, {"axis": 1}, part="both")


def _places(context: Context, x: Blob, axis: int, top_k: int) -> Blob:
    out = Out(_with(x.shape, axis, top_k), ir.DataType.INT64)
    if top_k == 1:
        attributes = {"axis": axis, "keepdims": 1, "select_last_index": 1}
        return context.cast(
            context.node("ArgMax", [x], out, attributes, "place"), ir.DataType.FLOAT
        )
    # Of equal values TopK takes the first: it sees them in reverse.
    bounds = [context.integers([number], part) for number, part in ((-1, "last"), (_FIRST, "end"))]
    inputs = [x, *bounds, context.integers([axis], "axis"), context.integers([-1], "step")]
    reverse = context.node("Slice", inputs, x.shape, part="reverse")
    k = context.integers([top_k], "top_k")
    outs = [Out(out.shape), out]
    _, behind = context.nodes("TopK", [reverse, k], outs, {"axis": axis}, "places_behind")
    end = context.constant(np.asarray(x.shape[axis] - 1), "last_place")
    return context.cast(context.node("Sub", [end, behind], out, part="place"), ir.DataType.FLOAT)


def _values(context: Context, x: Blob, axis: int, top_k: int) -> Blob:
    shape = _with(x.shape, axis, top_k)
    if top_k == 1:
        return context.node("ReduceMax", [x], shape, {"axes": (axis,), "keepdims": 1}, "value")
    inputs = [x, context.integers([top_k], "top_k")]
    outs = [Out(shape), Out(shape, ir.DataType.INT64)]
    return context.nodes("TopK", inputs, outs, {"axis": axis}, "values")[0]


def _with(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])
