"""A layer as a linear regression: which values are fitted to which, and how.

For every row (a position of a product, or of a convolution) and each group of a convolution,

    y = W x + b,        x of shape (k,), y of shape (outputs,)

x is the input of a product (see `products`), the patch that one position of a convolution sees
(see `patches`), or one of a transposed convolution (see `spread`); y is what the layer gives,
with its bias: an input of its node, or what an Add behind it adds.

Where there is no bias, none is made up: only values change, not the graph. A BatchNormalization
behind takes the mean off anyway, so that the fit may leave it aside.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnx_ir as ir

from cortado.model.graph.origins import TRAINABLE, path_to
from cortado.model.layers.prunable import Layer
from cortado.model.typing import FloatArray
from cortado.repair.patches import ConvGeometry
from cortado.repair.products import Product
from cortado.repair.spread import Spread

__all__ = ["Regression", "find_regression"]

_LARGEST = 10_000  # inputs of a row: their products are 800 MB
_CONVOLUTIONS = ("Conv", "ConvTranspose")
_SIZES = ("Shape", "Size")  # nodes that read no values
_PLAIN = ("Cast", "Identity")  # nodes that leave the order of elements


class Form(Protocol):
    """How the weights of a layer are a matrix, and its values rows."""

    def matrix(self, weights: FloatArray) -> FloatArray:
        """Return a weight as (outputs, k)."""
        ...

    def weights(self, matrix: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return a matrix as a weight of this shape, the reverse of `matrix`."""
        ...

    def rows(
        self, x: FloatArray, y: FloatArray, most: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray] | None:
        """Return x (rows, groups, k) and y (rows, outputs); None if their positions differ."""
        ...

    def counts_outputs_second(self, y: FloatArray) -> bool:
        """Return whether the second axis of y is that of the outputs."""
        ...


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
    form : Form
        What its rows are.
    bias : str or None
        The initializer of the bias, if it can be fitted too.
    offset : array of shape (outputs,) or None
        What y holds besides where `bias` is None: a bias that other nodes read too.
    normalized : bool
        Whether a BatchNormalization takes off the mean of each channel of y.
    bias_factor : float
        What the bias is multiplied with.
    """

    layer: Layer
    place: int
    source: str
    target: str
    form: Form
    bias: str | None
    offset: FloatArray | None
    normalized: bool
    bias_factor: float = 1.0

    @property
    def width(self) -> int:
        """The length k of x."""
        return int(self.matrix(self.layer.array).shape[1])

    def matrix(self, weights: FloatArray) -> FloatArray:
        """Return a weight as (outputs of all groups, k)."""
        return self.form.matrix(weights)

    def weights(self, matrix: FloatArray) -> FloatArray:
        """Return a matrix as a weight, the reverse of `matrix`."""
        return self.form.weights(matrix, self.layer.array.shape)

    def rows(
        self, x: FloatArray, y: FloatArray, most: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray] | None:
        """Return the rows of one batch, `most` of them at random if there are more.

        Returns
        -------
        tuple of array, or None
            x of shape (rows, groups, k) and y of shape (rows, outputs), float32; None if the two
            do not have the same positions.
        """
        return self.form.rows(_single(x), _single(y), most, generator)


def find_regression(
    layer: Layer, places: Mapping[ir.Node, int], norms: Collection[str]
) -> Regression | str:
    """Return how a layer is fitted, or why it cannot be.

    Parameters
    ----------
    layer : Layer
        A prunable layer of the model.
    places : mapping of onnx_ir.Node to int
        The nodes of the main graph, and their places in it.
    norms : collection of str
        The values whose mean a BatchNormalization takes off, with statistics measured again.
    """
    node = layer.nodes[0]
    reason = _why_not(layer, places)
    if reason:
        return reason
    index, path = _place_of(layer.weight, node)
    form = _form(layer, node, index, path)
    if isinstance(form, str):
        return form
    factor = node.attributes.get_float("beta", 1.0) if node.op_type == "Gemm" else 1.0
    own = node.inputs[2] if len(node.inputs) > 2 and factor else None
    bias = layer.bias if factor else None
    target = node.outputs[0]
    if bias is not None and bias is not own:
        target = next(iter(target.uses())).node.outputs[0]  # of the Add behind
    normalized = _name(target) in norms
    is_known = own is None or (bias is not None and bias.dtype in TRAINABLE)
    if not is_known and not (normalized and node.op_type in _CONVOLUTIONS):
        return "its bias is no constant of one value an output"
    found = Regression(
        layer=layer,
        place=places[node],
        source=_name(node.inputs[1 - index]),
        target=_name(target),
        form=form,
        bias=_own(bias),
        offset=_offset(bias, factor),
        normalized=normalized,
        bias_factor=factor,
    )
    if found.width > _LARGEST:
        return f"its {found.width:,} inputs are too many for a fit, which takes {_LARGEST:,}"
    return found


def _why_not(layer: Layer, places: Mapping[ir.Node, int]) -> str:
    """Return why a layer cannot be fitted, whatever its operator; empty if it can."""
    if any(node not in places for node in layer.nodes):
        return "it is inside a node such as If or Loop"
    if layer.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return f"the repair of {layer.op_type} is not supported"
    if len(layer.nodes) > 1:
        return "several nodes use its weight"
    (node,) = layer.nodes
    value = layer.weight
    for passing in (*_place_of(value, node)[1], node):
        others = [use.node for use in value.uses() if use.node is not passing]
        if any(other.op_type not in _SIZES for other in others):
            return "several nodes use its weight"
        if value.is_graph_input() or value.is_graph_output():
            return "its weight is an input or output of the model"
        value = passing.outputs[0]
    return ""


def _place_of(weight: ir.Value, node: ir.Node) -> tuple[int, tuple[ir.Node, ...]]:
    """Return which input of a node a weight is, and the nodes between the two."""
    paths = [(i, path_to(value)) for i, value in enumerate(node.inputs) if value is not None]
    return next((i, path) for i, (origin, path) in paths if origin is weight)


def _form(layer: Layer, node: ir.Node, index: int, path: tuple[ir.Node, ...]) -> Form | str:
    """Return what the rows of a layer are, or why it cannot be fitted."""
    if node.op_type in ("Gemm", "MatMul"):
        return _product(layer, node, index)
    if any(passing.op_type not in _PLAIN for passing in path):
        return f"a {path[0].op_type} stands between its weight and its node"
    kernel, groups = layer.array.shape[2:], node.attributes.get_int("group", 1)
    if node.op_type == "Conv":
        return ConvGeometry.of(node, kernel, groups)
    return Spread.of(node, kernel, groups)


def _product(layer: Layer, node: ir.Node, index: int) -> Product | str:
    axes = layer.axes
    if layer.array.ndim != 2:
        return "its weight has more than two axes"
    if axes.output is None or axes.input is None:
        return axes.reason
    transposed = axes.output == 1
    if node.op_type == "MatMul":
        return Product(transposed, swaps_input=index == 0, swaps_output=index == 0)
    get = node.attributes.get_int
    swaps = bool(get("transA", 0)) if index else not get("transB", 0)
    alpha = node.attributes.get_float("alpha", 1.0)
    return Product(transposed, swaps_input=swaps, swaps_output=index == 0, factor=alpha)


def _single(values: FloatArray) -> FloatArray:
    """Return values as float32: what half precision holds is summed up in that."""
    return values.astype(np.float32, copy=False)


def _own(value: ir.Value | None) -> str | None:
    """Return the name of an initializer that nothing else reads; None for any other."""
    if value is None or len(value.uses()) > 1:
        return None
    return None if value.is_graph_input() or value.is_graph_output() else _name(value)


def _offset(bias: ir.Value | None, factor: float = 1.0) -> FloatArray | None:
    """Return what a bias that must stay adds to each output; None if there is none."""
    if bias is None or bias.const_value is None or _own(bias) is not None:
        return None
    return _single(bias.const_value.numpy().reshape(-1)) * np.float32(factor)


def _name(value: ir.Value | None) -> str:
    assert value is not None  # ONNX demands both
    assert value.name is not None
    return value.name
