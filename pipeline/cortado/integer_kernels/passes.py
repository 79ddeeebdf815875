"""The kernel pass: a float32 model → the same model on integer kernels."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.integer_kernels.convolutions import convert_convolutions, why_no_convolution
from cortado.integer_kernels.options import Kernel, KernelOptions
from cortado.integer_kernels.products import convert_products, why_no_product
from cortado.model.graph.surgery import Surgery
from cortado.model.layers.prunable import Layer, Skipped, check_finite, find_layers
from cortado.opset import raise_opset

__all__ = ["Converted", "LayerKernel", "to_kernel"]

_NEEDED = {"int8": (13, 7), "int4": (21, 10)}  # opset and IR version
_PRODUCTS = {"Gemm", "MatMul"}


@dataclass(frozen=True)
class LayerKernel:
    """The result for one layer.

    Attributes
    ----------
    name, op_type : str
        The layer, and the operator that it had.
    kernel : {"int8", "int4"}
        What it is now.
    each : str
        What has a step of its own: ``layer``, ``column``, ``channel``, ``block of 32``.
    max_error, rmse : float
        Largest and root mean squared change of a non-zero weight, in the unit of the weights.
    """

    name: str
    op_type: str
    kernel: Kernel
    each: str
    max_error: float
    rmse: float

    @property
    def exact(self) -> bool:
        """Whether the integers stand for the very same float32 weights."""
        return self.max_error == 0


@dataclass(frozen=True)
class Converted:
    """A model on integer kernels, what became of each layer, and which ones stay float32."""

    model: ir.Model
    layers: tuple[LayerKernel, ...]
    left: tuple[Skipped, ...]


def to_kernel(model: ir.Model, options: KernelOptions) -> Converted:
    """Return a model whose layers multiply integers, where onnxruntime has a fast kernel.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is: plain float32.
    options : KernelOptions
        The kernel, and the ranges for convolutions.

    Returns
    -------
    Converted
        Of standard operators. An integer weight is an initializer and keeps its name; its steps
        are called ``<weight>_scale``.

    Raises
    ------
    CortadoError
        If a weight is not finite, the opset cannot be raised, or no layer can be converted.
    """
    raised = raise_opset(model, *_NEEDED[options.kernel])
    found = find_layers(raised)
    check_finite(found.prunable)
    reasons = {layer.key: _why_not(layer, raised, options) for layer in found.prunable}
    chosen = [layer for layer in found.prunable if not reasons[layer.key]]
    refused = [x for x in found.prunable if reasons[x.key]]
    left = (*found.skipped, *(Skipped(x.name, x.op_type, reasons[x.key]) for x in refused))
    if not chosen:
        why = f"{left[0].name}: {left[0].reason}" if left else "it has none"
        raise CortadoError(f"no layer of the model can become {options.kernel}: {why}")
    return Converted(raised, tuple(_convert(raised, chosen, options)), left)


def _why_not(layer: Layer, model: ir.Model, options: KernelOptions) -> str:
    """Return why a layer stays float32; empty if it need not."""
    readers = {use.node for use in layer.weight.uses()}
    if layer.weight.dtype is not ir.DataType.FLOAT:
        return f"its weight is {layer.weight.dtype}, not float32"
    if layer.weight.graph is not model.graph or any(x.graph is not model.graph for x in readers):
        return "it is inside a node such as If or Loop"
    if layer.weight.is_graph_input() or layer.weight.is_graph_output():
        return "its weight is an input or output of the model"
    others = sorted(node.op_type for node in readers - set(layer.nodes))
    if others or len(layer.weight.uses()) > len(layer.nodes):
        return f"its weight is also read by {(*others, 'the same node')[0]}"
    if {node.op_type for node in layer.nodes} <= _PRODUCTS:
        return why_no_product(layer, options.kernel)
    if {node.op_type for node in layer.nodes} != {"Conv"}:
        return f"there is no {options.kernel} kernel for {layer.op_type}"
    if options.kernel != "int8":
        return f"there is no {options.kernel} kernel for Conv, which int8 has"
    return why_no_convolution(layer, options.ranges)


def _convert(model: ir.Model, layers: Sequence[Layer], options: KernelOptions) -> list[LayerKernel]:
    """Convert the layers of a model, in place."""
    surgery = Surgery.of(model)
    convolutions = [layer for layer in layers if layer.op_type == "Conv"]
    found = convert_convolutions(surgery, convolutions, options.ranges)
    for layer in layers:
        if layer.op_type != "Conv":
            found[layer.key] = convert_products(surgery, layer, options.kernel)
    return [
        LayerKernel(layer.name, layer.op_type, options.kernel, x.each, x.max_error, x.rmse)
        for layer in layers
        for x in [found[layer.key]]
    ]
