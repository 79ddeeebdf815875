"""A layer as a linear regression: which values are fitted to which, and how.

For every row (an image, or a position of a convolution) and each group of a convolution,

    y = W x + b,        x of shape (k,), y of shape (outputs,)

x is the input of a product, or the patch that one position of a convolution sees; y is what the
layer gives, with its bias.

    operator   W from the weight               bias
    Gemm       itself if transB, else Wᵀ       C, times beta
    MatMul     Wᵀ                              what a following Add adds, if it does
    Conv       (outputs, inputs · kernel)      B

The alpha of a Gemm counts to x.

Where there is no bias, none is made up: only values change, not the graph. A BatchNormalization
behind takes the mean off anyway, so that the fit may leave it aside.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.model.layers.prunable import Layer
from cortado.model.typing import FloatArray
from cortado.repair.patches import Window

__all__ = ["Regression", "find_regression"]

_LARGEST = 10_000  # inputs of a row: their products are 800 MB


@dataclass(frozen=True)
class Regression:
    """How one layer is fitted.

    Attributes
    ----------
    layer : Layer
        Whose weights are fitted.
    place : int
        The index of its node in the graph.
    source, target : str
        The values that hold x and y.
    bias : str or None
        The initializer of the bias, if it can be fitted too.
    offset : array of shape (outputs,) or None
        What y holds besides where `bias` is None: a bias that other nodes read too.
    normalized : bool
        Whether a BatchNormalization takes off the mean of each output.
    bias_factor : float
        What the bias is multiplied with.
    factor : float
        What x is multiplied with.
    groups : int
        Groups of a convolution, else 1.
    transposed : bool
        Whether the weight is (k, outputs) instead of (outputs, k, …).
    window : Window or None
        What a position of a convolution sees; None for products.
    """

    layer: Layer
    place: int
    source: str
    target: str
    bias: str | None
    offset: FloatArray | None
    normalized: bool
    bias_factor: float = 1.0
    factor: float = 1.0
    groups: int = 1
    transposed: bool = False
    window: Window | None = None

    @property
    def width(self) -> int:
        """The length k of x."""
        return int(self.matrix(self.layer.array).shape[1])

    def matrix(self, weights: FloatArray) -> FloatArray:
        """Return a weight as (outputs of all groups, k)."""
        return weights.T if self.transposed else weights.reshape(len(weights), -1)

    def weights(self, matrix: FloatArray) -> FloatArray:
        """Return a matrix as a weight, the reverse of `matrix`."""
        return matrix.T if self.transposed else matrix.reshape(self.layer.array.shape)

    def rows(
        self, x: FloatArray, y: FloatArray, most: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return the rows of one batch, `most` of them at random if there are more.

        Returns
        -------
        tuple of array
            x of shape (rows, groups, k) and y of shape (rows, outputs), float32.
        """
        if self.window is not None:
            return self.window.rows(x, y, most, generator)
        inputs = x.reshape(-1, x.shape[-1]) * np.float32(self.factor)
        outputs = y.reshape(-1, y.shape[-1])
        if len(inputs) > most:
            chosen = np.sort(generator.permutation(len(inputs))[:most])
            inputs, outputs = inputs[chosen], outputs[chosen]
        return inputs[:, None], outputs


def find_regression(layer: Layer, graph: ir.Graph, norms: Collection[str]) -> Regression | str:
    """Return how a layer is fitted, or why it cannot be.

    Parameters
    ----------
    layer : Layer
        A prunable layer of the model.
    graph : onnx_ir.Graph
        The main graph of the model.
    norms : collection of str
        The values whose mean a BatchNormalization takes off, with statistics measured again.
    """
    if len(layer.nodes) > 1 or len(layer.weight.uses()) > 1:
        return "several nodes use its weight"
    (node,) = layer.nodes
    if node.graph is not graph or layer.weight.graph is not graph:
        return "it is inside a node such as If or Loop"
    if layer.weight.is_graph_input() or layer.weight.is_graph_output():
        return "its weight is an input or output of the model"
    place = list(graph).index(node)
    finders = {"Gemm": _gemm, "MatMul": _matmul, "Conv": _conv}
    if node.op_type not in finders:
        return f"the repair of {node.op_type} is not supported"
    found = finders[node.op_type](layer, place, norms)
    if isinstance(found, str):
        return found
    if found.width > _LARGEST:
        return f"its {found.width:,} inputs are too many for a fit, which takes {_LARGEST:,}"
    return found


def _gemm(layer: Layer, place: int, norms: Collection[str]) -> Regression | str:
    (node,) = layer.nodes
    if node.inputs[1] is not layer.weight or node.attributes.get_int("transA", 0) != 0:
        return "its weight is the left factor, or its input is transposed"
    transposed = node.attributes.get_int("transB", 0) == 0
    outputs = layer.array.shape[1 if transposed else 0]
    factor = node.attributes.get_float("beta", 1.0)
    bias = node.inputs[2] if len(node.inputs) > 2 and factor else None
    if bias is not None and not _is_vector(bias, outputs):
        return "its bias is no constant of one value an output"
    return Regression(
        layer=layer,
        place=place,
        source=_name(node.inputs[0]),
        target=_name(node.outputs[0]),
        bias=_own(bias),
        bias_factor=factor,
        offset=_offset(bias, factor),
        factor=node.attributes.get_float("alpha", 1.0),
        transposed=transposed,
        normalized=_name(node.outputs[0]) in norms,
    )


def _matmul(layer: Layer, place: int, norms: Collection[str]) -> Regression | str:
    (node,) = layer.nodes
    if node.inputs[1] is not layer.weight or layer.array.ndim != 2:
        return "its weight is the left factor, or has more than two axes"
    output, bias = node.outputs[0], None
    following = [use.node for use in output.uses()]
    if len(following) == 1 and following[0].op_type == "Add" and not output.is_graph_output():
        others = [value for value in following[0].inputs if value is not output]
        if len(others) == 1 and others[0] and _is_vector(others[0], layer.array.shape[1]):
            bias, output = others[0], following[0].outputs[0]
    return Regression(
        layer=layer,
        place=place,
        source=_name(node.inputs[0]),
        target=_name(output),
        bias=_own(bias),
        offset=_offset(bias),
        transposed=True,
        normalized=_name(output) in norms,
    )


def _conv(layer: Layer, place: int, norms: Collection[str]) -> Regression | str:
    (node,) = layer.nodes
    if node.inputs[1] is not layer.weight:
        return "its weight is not a constant"
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is not None and not _is_vector(bias, len(layer.array)):
        return "its bias is no constant of one value an output"
    groups = node.attributes.get_int("group", 1)
    return Regression(
        layer=layer,
        place=place,
        source=_name(node.inputs[0]),
        target=_name(node.outputs[0]),
        bias=_own(bias),
        offset=_offset(bias),
        groups=groups,
        window=Window.of(node, layer.array.shape[2:], groups),
        normalized=_name(node.outputs[0]) in norms,
    )


def _is_vector(value: ir.Value, outputs: int) -> bool:
    """Tell whether a value is a float32 initializer that holds one number an output."""
    constant = value.const_value if value.is_initializer() else None
    return (
        constant is not None
        and constant.dtype is ir.DataType.FLOAT
        and constant.shape.numpy() in {(outputs,), (1, outputs)}
    )


def _own(value: ir.Value | None) -> str | None:
    """Return the name of an initializer that nothing else reads; None for any other."""
    if value is None or len(value.uses()) > 1:
        return None
    return None if value.is_graph_input() or value.is_graph_output() else _name(value)


def _offset(bias: ir.Value | None, factor: float = 1.0) -> FloatArray | None:
    """Return what a bias that must stay adds to each output; None if there is none."""
    if bias is None or bias.const_value is None or _own(bias) is not None:
        return None
    offset: FloatArray = bias.const_value.numpy().reshape(-1) * np.float32(factor)
    return offset


def _name(value: ir.Value | None) -> str:
    assert value is not None  # ONNX demands both
    assert value.name is not None
    return value.name
