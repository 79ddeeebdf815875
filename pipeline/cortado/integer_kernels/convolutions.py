"""Convolutions on 8-bit integers: both sides of a Conv are quantized, as was calibrated.

A tensor with the range [l, h], which is widened to hold zero, becomes uint8 by

    q = rint(x / s) + z,    s = (h − l) / 255,    z = rint(−l / s)

through a `QuantizeLinear` and a `DequantizeLinear` node (QDQ). Around a Conv whose weight is
int8, onnxruntime fuses the pair before and the pair behind it to QLinearConv, with a Relu or Clip
between it and the pair behind; it rounds the bias, which stays float32 in the file, by itself.

A MaxPool only passes elements on: what comes out of it takes the range of what went in, so that
onnxruntime pools the integers.

Sources: ONNX operators QuantizeLinear-13 and DequantizeLinear-13; Jacob et al. 2018 (1712.05877)
for the arithmetic.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.integer_kernels.integer_weights import Integers, to_int8
from cortado.integer_kernels.options import Range
from cortado.model.graph.surgery import Surgery, replace_constant
from cortado.model.layers.prunable import Layer

__all__ = ["convert_convolutions", "tensors_to_watch", "why_no_convolution"]

_FUSED = {"Relu", "Clip"}  # with a Conv in front and a QuantizeLinear behind


def why_no_convolution(layer: Layer, ranges: Mapping[str, Range]) -> str:
    """Return why a Conv layer cannot have an integer kernel; empty if it can."""
    if not ranges:
        return "a convolution becomes int8 with the ranges of its inputs, which need --data"
    for node in layer.nodes:
        source, result = _source(node), _result(node)
        if result.is_graph_output() or not result.uses():
            return "its output is one of the model"
        missing = [value.name for value in (source, result) if value.name not in ranges]
        if missing:
            return f"no range is known for {missing[0]}"
    return ""


def tensors_to_watch(layers: Iterable[Layer]) -> list[str]:
    """Return the names of the tensors whose ranges the Conv layers need, each once."""
    nodes = [node for layer in layers if layer.op_type == "Conv" for node in layer.nodes]
    values = [value for node in nodes for value in (_source(node), _result(node))]
    return list(dict.fromkeys(str(value.name) for value in values))


def convert_convolutions(
    surgery: Surgery, layers: Sequence[Layer], ranges: Mapping[str, Range]
) -> dict[str, Integers]:
    """Convert Conv layers in place; return the integers of each, by the name of its weight.

    Parameters
    ----------
    surgery : Surgery
        On the graph of the layers.
    layers : sequence of Layer
        For which `why_no_convolution` knows no reason.
    ranges : mapping of str to Range
        The range of each of `tensors_to_watch`.
    """
    plans = [
        _Plan(node, ranges[str(_source(node).name)], _result(node))
        for layer in layers
        for node in layer.nodes
    ]  # all of them before the first change, as sources and results are found by the graph
    found = {layer.key: _convert_weight(surgery, layer) for layer in layers}
    quantized: dict[ir.Value, ir.Value] = {}
    for plan in plans:
        bounds = ranges[str(plan.result.name)]
        uses = list(plan.result.uses())
        expanded = _pair(surgery, plan.result, bounds)
        quantized[plan.result] = quantized[expanded] = expanded
        for use in uses:
            use.node.replace_input_with(use.idx, expanded)
    for plan in plans:
        x = plan.node.inputs[0]
        assert x is not None  # ONNX demands it
        if x not in quantized:
            quantized[x] = _pair(surgery, x, plan.bounds)
        plan.node.replace_input_with(0, quantized[x])
    return found


@dataclass(frozen=True)
class _Plan:
    """A Conv node, the range of its input, and the tensor behind it that is quantized."""

    node: ir.Node
    bounds: Range
    result: ir.Value


def _convert_weight(surgery: Surgery, layer: Layer) -> Integers:
    assert layer.axes.output is not None  # the weight is an input of each node
    integers = to_int8(layer.array, axis=layer.axes.output, each="channel")
    replace_constant(layer.weight, integers.k)
    steps = surgery.constant(f"{layer.key}_scale", integers.steps)
    for node in layer.nodes:
        name = f"{node.name or node.outputs[0].name}/weight"
        inputs, attributes = [layer.weight, steps], {"axis": layer.axes.output}
        (expanded,) = surgery.node("DequantizeLinear", inputs, node, name, attributes)
        node.replace_input_with(1, expanded)
    return integers


def _pair(surgery: Surgery, x: ir.Value, bounds: Range) -> ir.Value:
    """Add the nodes that quantize a tensor and expand it again, right behind it."""
    low, high = min(bounds.low, 0.0), max(bounds.high, 0.0)
    step = np.float32((high - low) / 255) or np.float32(1)
    zero = np.asarray(np.clip(np.rint(-low / step), 0, 255), np.uint8)
    constants = [
        surgery.constant(f"{x.name}_scale", np.asarray(step)),
        surgery.constant(f"{x.name}_zero_point", zero),
    ]
    place = surgery.behind(x)
    (integers,) = surgery.node("QuantizeLinear", [x, *constants], place, f"{x.name}/quantize")
    inputs = [integers, *constants]
    (expanded,) = surgery.node("DequantizeLinear", inputs, place, f"{x.name}/dequantize")
    return expanded


def _source(node: ir.Node) -> ir.Value:
    """Return the tensor whose range is that of a node's input: what MaxPools in front read."""
    value = node.inputs[0]
    assert value is not None  # ONNX demands it
    producer = value.producer()
    return _source(producer) if producer and producer.op_type == "MaxPool" else value


def _result(node: ir.Node) -> ir.Value:
    """Return what a Conv gives, behind the activation that is fused with it."""
    output = node.outputs[0]
    users = [use.node for use in output.uses()]
    fused = len(users) == 1 and users[0].op_type in _FUSED and not output.is_graph_output()
    return users[0].outputs[0] if fused else output
