"""Products with a matrix, x · W + b, on integer kernels.

int8    x becomes integers when the model runs, with one step for the whole tensor, so for all
        images of a batch (`DynamicQuantizeLinear`); the products are summed as int32
        (`MatMulInteger`), and multiplied with both steps. onnxruntime fuses all of it to
        DynamicQuantizeMatMul.
int4    W is `DequantizeLinear` of blocks, x stays float32. onnxruntime fuses it with the MatMul
        to MatMulNBits, which never expands W; inside it rounds x to 8 bits, in blocks too. It
        does not where a Relu or Clip follows, which it takes for part of a quantized output; so
        these become the Max and Min that they are.

W becomes (in, out), whatever layout it had. Sources: ONNX operators DynamicQuantizeLinear-11,
MatMulInteger-10, DequantizeLinear-21; onnxruntime's dynamic_quantize_matmul_fusion and
qdq_selector_action_transformer, whose patterns the nodes follow.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.integer_kernels.integer_weights import BLOCK, Integers, to_int4_blocks, to_int8
from cortado.integer_kernels.options import Kernel
from cortado.model.graph.surgery import Surgery, replace_constant
from cortado.model.layers.prunable import Layer

__all__ = ["convert_products", "why_no_product"]

_MOST_ROWS = 2**31 // (255 * 127)  # the int32 sum of more products could overflow


@dataclass(frozen=True)
class _Product:
    """One node as x · W + b; no b for None."""

    node: ir.Node
    x: ir.Value
    bias: ir.Value | None


def why_no_product(layer: Layer, kernel: Kernel) -> str:
    """Return why a Gemm or MatMul layer cannot have an integer kernel; empty if it can."""
    if layer.array.ndim != 2:
        return f"its weight has {layer.array.ndim} axes instead of 2"
    for node in layer.nodes:
        attributes = node.attributes
        if node.inputs[1] is not layer.weight:
            return "its weight is the left factor"
        if attributes.get_int("transA", 0):
            return "its input is transposed"
        if attributes.get_float("alpha", 1.0) != 1 or attributes.get_float("beta", 1.0) != 1:
            return "its product is scaled by alpha or beta"
    if layer.axes.input is None:
        return layer.axes.reason
    rows = layer.array.shape[layer.axes.input]
    if kernel == "int8" and rows > _MOST_ROWS:
        return f"a sum of {rows:,} products may not fit into int32"
    if kernel == "int4" and len(layer.nodes) > 1:
        return "several nodes share its weight, which onnxruntime has no int4 kernel for"
    return ""


def convert_products(surgery: Surgery, layer: Layer, kernel: Kernel) -> Integers:
    """Replace the nodes of a layer by integer ones, in place; return its integers, (in, out)."""
    products = [_product(node) for node in layer.nodes]
    matrix = layer.array if layer.axes.input == 0 else layer.array.T
    matrix = np.ascontiguousarray(matrix)
    if kernel == "int8":
        integers = to_int8(matrix, axis=1, each="column")
        replace_constant(layer.weight, integers.k)
    else:
        integers = to_int4_blocks(matrix)
        replace_constant(layer.weight, integers.k, ir.DataType.INT4)
    steps = surgery.constant(f"{layer.key}_scale", integers.steps)
    for product in products:
        multiply = _multiply_int8 if kernel == "int8" else _multiply_int4
        result = multiply(surgery, product, layer.weight, steps)
        if product.bias is not None:
            result = _add(surgery, product, "Add", [result, product.bias], "bias")
        users = [use.node for use in product.node.outputs[0].uses()]
        surgery.replace(product.node, result)
        if kernel == "int4" and len(users) == 1:
            _unfold_clip(surgery, users[0])
    return integers


def _product(node: ir.Node) -> _Product:
    x = node.inputs[0]
    assert x is not None  # ONNX demands it
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    return _Product(node, x, bias)


def _multiply_int8(
    surgery: Surgery, product: _Product, weight: ir.Value, steps: ir.Value
) -> ir.Value:
    name = f"{_name(product)}/quantize"
    quantized, step, zero = surgery.node(
        "DynamicQuantizeLinear", [product.x], product.node, name, outputs=3
    )
    total = _add(surgery, product, "MatMulInteger", [quantized, weight, zero], "integer")
    (wide,) = surgery.node(
        "Cast", [total], product.node, f"{_name(product)}/cast", {"to": int(ir.DataType.FLOAT)}
    )
    both = _add(surgery, product, "Mul", [step, steps], "scale")
    return _add(surgery, product, "Mul", [wide, both], "product")


def _multiply_int4(
    surgery: Surgery, product: _Product, weight: ir.Value, steps: ir.Value
) -> ir.Value:
    (expanded,) = surgery.node(
        "DequantizeLinear",
        [weight, steps],
        product.node,
        f"{_name(product)}/dequantize",
        {"axis": 0, "block_size": BLOCK},
    )
    return _add(surgery, product, "MatMul", [product.x, expanded], "product")


def _unfold_clip(surgery: Surgery, node: ir.Node) -> None:
    """Replace a Relu or Clip by Max and Min, in place; leave any other node."""
    x, name = node.inputs[0], node.name or str(node.outputs[0].name)
    if node.op_type == "Relu":
        bounds = [("Max", surgery.constant(f"{name}/zero", np.zeros((), np.float32)))]
    elif node.op_type == "Clip":
        given = zip(("Max", "Min"), node.inputs[1:], strict=False)
        bounds = [(op_type, bound) for op_type, bound in given if bound is not None]
    else:
        return
    assert x is not None  # ONNX demands it
    for op_type, bound in bounds:
        (x,) = surgery.node(op_type, [x, bound], node, f"{name}/{op_type.lower()}")
    surgery.replace(node, x)


def _add(
    surgery: Surgery, product: _Product, op_type: str, inputs: list[ir.Value], part: str
) -> ir.Value:
    (value,) = surgery.node(op_type, inputs, product.node, f"{_name(product)}/{part}")
    return value


def _name(product: _Product) -> str:
    return product.node.name or str(product.node.outputs[0].name)
