"""InnerProduct: a matrix times everything from `axis` on.

    (d0 … d_axis-1, K) · W  + b  →  (d0 … d_axis-1, N)

The weight is (N, K), or (K, N) with `transpose`. From axis 1 this is a Gemm, otherwise a
MatMul, whose initializer is always (K, N).

CInnerProduct (Dynamic-Network-Surgery) stores, while it trains, a mask for each blob;
CmpInnerProduct (DeepCompression) differs in how it trains only.

Source: BVLC/caffe inner_product_layer.cpp.
"""

from dataclasses import replace
from math import prod

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob, Shape
from cortado.caffe.layers.pruning_masks import load_masked
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.message import Message
from cortado.caffe.parameters import BlobSpec, Parameter

__all__: list[str] = []


@layer("InnerProduct", "CInnerProduct", "CmpInnerProduct", in_place=never)
def _inner_product(context: Context) -> Blob:
    x, param = context.bottom, context.settings("inner_product_param")
    axis = context.axis(param.integer("axis", 1), x.rank)
    transposed = param.flag("transpose", default=False)
    outputs = context.needed(param, "num_output")
    inputs = prod(x.shape[axis:])
    shape = (inputs, outputs) if transposed else (outputs, inputs)
    parameters = load_masked(context, *_specs(param, shape, outputs))
    if axis != 1:
        return _matmul(context, axis, parameters, transposed=transposed)
    if x.rank > 2:
        x = context.node("Flatten", [x], (x.shape[0], prod(x.shape[1:])), {"axis": 1}, "flatten")
    blobs = [context.initializer(parameter) for parameter in parameters]
    attributes = {} if transposed else {"transB": 1}
    return context.node("Gemm", [x, *blobs], (x.shape[0], outputs), attributes)


def _specs(param: Message, shape: Shape, outputs: int) -> list[BlobSpec]:
    specs = [BlobSpec("weight", shape, param.message("weight_filler"))]
    if param.flag("bias_term", default=True):
        specs.append(BlobSpec("bias", (outputs,), param.message("bias_filler")))
    return specs


def _matmul(
    context: Context, axis: int, parameters: tuple[Parameter, ...], *, transposed: bool
) -> Blob:
    x, (weight, *biases) = context.bottom, parameters
    if axis == 0:
        context.fix_batch(x, "multiplies along the batch")
    if not transposed:
        weight = replace(weight, array=np.ascontiguousarray(weight.array.T))
    lead = x.shape[:axis]
    flat = context.reshape(x, (*lead, weight.array.shape[0]), part="flatten")
    shape = (*lead, weight.array.shape[1])
    y = context.node("MatMul", [flat, context.initializer(weight)], shape)
    for bias in biases:
        y = context.node("Add", [y, context.initializer(bias)], shape, part="add")
    return y
