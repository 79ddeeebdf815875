"""The prunable layers of a model, named as the user knows them (see `naming`).

A layer is one constant weight of float32, float16 or bfloat16 that a Conv, ConvTranspose, Gemm or
MatMul node multiplies with, or one of the two of an LSTM, GRU or RNN: directly, or behind nodes
that pass its elements on (see `origins`). A weight that several nodes share is one layer.

What looks like a layer but can't be pruned is listed apart with the reason.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.graph.nodes import is_standard
from cortado.model.graph.origins import HALVES, TRAINABLE, origin_of
from cortado.model.layers.axes import Axes, bias_of, find_axes
from cortado.model.layers.naming import wished_name
from cortado.model.typing import FloatArray

__all__ = [
    "OPERATORS",
    "Layer",
    "Layers",
    "Skipped",
    "check_finite",
    "find_layers",
    "replace_weights",
]

_FLOATS = {ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE}
_INTEGERS = {ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT4, ir.DataType.UINT4}
_FACTORS = {"Conv": (1,), "ConvTranspose": (1,), "Gemm": (0, 1), "MatMul": (0, 1)}
_RECURRENT = ("LSTM", "GRU", "RNN")
OPERATORS = (*_FACTORS, *_RECURRENT)
"""The operators whose weights are pruned."""

_INPUT_WEIGHT, _STATE_WEIGHT = 1, 2  # of a recurrent node: for what comes in, for its own state
_OTHER_KIND = f"only ONNX's own {', '.join(OPERATORS)} are pruned"


@dataclass(frozen=True)
class Layer:
    """A prunable layer.

    Attributes
    ----------
    name : str
        The name that reports and selectors use.
    op_type : str
        ``Conv``, ``ConvTranspose``, ``Gemm``, ``MatMul``, ``LSTM``, ``GRU`` or ``RNN``.
    weight : onnx_ir.Value
        The initializer. Its array is in the layout of the node, such as (out, in, kh, kw), unless
        nodes such as a Transpose stand between.
    nodes : tuple of onnx_ir.Node
        The nodes that multiply with the weight, in graph order.
    """

    name: str
    op_type: str
    weight: ir.Value
    nodes: tuple[ir.Node, ...]

    @property
    def key(self) -> str:
        """The name of the initializer: unique in the model."""
        return _name_of(self.weight)

    @property
    def aliases(self) -> frozenset[str]:
        """Every name that a selector may use for this layer."""
        return frozenset({self.name, self.key} | {node.name for node in self.nodes if node.name})

    @property
    def array(self) -> FloatArray:
        """The weights as float32, in the layout of the initializer; not to be written into."""
        assert self.weight.const_value is not None  # find_layers saw to it
        return np.asarray(self.weight.const_value.numpy(), np.float32)

    @cached_property
    def axes(self) -> Axes:
        """Which of its axes count outputs and inputs, and its groups (see `axes`)."""
        return find_axes(self.weight, self.nodes)

    @cached_property
    def biases(self) -> tuple[ir.Value | None, ...]:
        """For each node the initializer that adds a number to each output, if there is one."""
        return tuple(bias_of(self.weight, node) for node in self.nodes)

    @property
    def bias(self) -> ir.Value | None:
        """The bias, where all nodes have the same one."""
        return self.biases[0] if len(set(self.biases)) == 1 else None

    @property
    def bits(self) -> int:
        """Bits of one weight in the file: 32 or 16."""
        assert self.weight.dtype is not None  # find_layers saw to it
        return self.weight.dtype.bitwidth

    def rounded(self, weights: FloatArray) -> FloatArray:
        """Return what the type of the initializer makes of float32 weights, as float32."""
        assert self.weight.dtype is not None  # find_layers saw to it
        return weights.astype(self.weight.dtype.numpy()).astype(np.float32)


@dataclass(frozen=True)
class Skipped:
    """A node that multiplies with a weight, yet is not a prunable layer, and why."""

    name: str
    op_type: str
    reason: str


@dataclass(frozen=True)
class Layers:
    """The layers of a model in graph order: those that can be pruned, those that can't."""

    prunable: tuple[Layer, ...]
    skipped: tuple[Skipped, ...]

    @property
    def by_key(self) -> dict[str, Layer]:
        """The prunable layers by the names of their initializers."""
        return {layer.key: layer for layer in self.prunable}


def find_layers(model: ir.Model) -> Layers:
    """Return the layers of `model` in graph order."""
    users: dict[ir.Value, list[ir.Node]] = {}
    wishes: dict[ir.Value, str] = {}
    skipped: list[Skipped] = []
    names = Counter(name for graph in model.graphs() for name in graph.initializers)
    for node in model.graph.all_nodes():
        for part, weight in _weights_of(node).items():
            reason = weight if isinstance(weight, str) else _why_not(weight, names)
            if isinstance(weight, str) or reason:
                skipped.append(Skipped(_node_name(node) + part, node.op_type, reason))
                continue
            users.setdefault(weight, []).append(node)
            wishes.setdefault(weight, wished_name(_name_of(weight), node) + part)
    return Layers(_named(users, wishes), tuple(skipped))


def check_finite(layers: Iterable[Layer]) -> None:
    """Raise `CortadoError` if a weight is NaN or infinite: no pass can rank or share it."""
    for layer in layers:
        if not np.isfinite(layer.array).all():
            raise CortadoError(f"the layer {layer.name} has weights that are NaN or infinite")


def replace_weights(model: ir.Model, weights: Mapping[str, FloatArray]) -> ir.Model:
    """Return a copy of `model` with other values for some initializers.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    weights : mapping of str to array
        Initializer name → new values, of the same shape and type; float32 is rounded to the
        type of one in half precision.
    """
    copy = model.clone()
    pending = dict(weights)
    for graph in copy.graphs():
        for name in pending.keys() & graph.initializers.keys():
            _assign(graph.initializers[name], pending.pop(name))
    if pending:
        raise CortadoError(f"the model has no initializer {sorted(pending)[0]}")
    return copy


def _assign(value: ir.Value, array: FloatArray) -> None:
    old = value.const_value
    assert old is not None
    is_widened = old.dtype in HALVES and array.dtype == np.float32
    if tuple(array.shape) != tuple(old.shape) or not (
        is_widened or array.dtype == old.dtype.numpy()
    ):
        raise CortadoError(
            f"{value.name} is {old.dtype} of shape {list(old.shape)}; "
            f"it cannot become {array.dtype} of shape {list(array.shape)}"
        )
    value.const_value = ir.Tensor(
        np.array(array, old.dtype.numpy(), order="C"),  # a copy: the caller may go on changing it
        dtype=old.dtype,
        name=value.name,
        doc_string=old.doc_string,
        metadata_props=dict(old.metadata_props),
    )


def _weights_of(node: ir.Node) -> dict[str, ir.Value | str]:
    """Return the constant factors of a node, or why they can't be pruned.

    The keys are what the names of the parts end in: nothing, but for the second weight of a
    recurrent node.
    """
    if is_standard(node, *_FACTORS):
        factor = _factor_of(node)
        return {} if factor is None else {"": factor}
    if is_standard(node, *_RECURRENT):
        parts = {"": node.inputs[_INPUT_WEIGHT], ".state": node.inputs[_STATE_WEIGHT]}
        found = {part: origin_of(value) for part, value in parts.items() if value is not None}
        return {part: value for part, value in found.items() if value.is_initializer()}
    reason = _matrix_reason(node)
    return {"": reason} if reason and not _is_constant(node) else {}


def _factor_of(node: ir.Node) -> ir.Value | str | None:
    """Return the constant factor of a product, or why it can't be pruned; None if it has none."""
    inputs = [node.inputs[i] for i in _FACTORS[node.op_type] if i < len(node.inputs)]
    origins = [origin_of(value) for value in inputs if value is not None]
    weights = [value for value in origins if value.is_initializer()]
    if len(weights) > 1:
        return "both of its factors are constant"
    if weights:
        return weights[0]
    sources = [value.producer() for value in origins]
    made = [source.op_type for source in sources if source and _is_constant(source)]
    if not made:
        return None
    hint = "; `cortado import` makes it float32" if made[0] == "DequantizeLinear" else ""
    return f"its weight is made by a {made[0]} node{hint}"


def _why_not(weight: ir.Value, names: Mapping[str, int]) -> str:
    """Return why an initializer that nodes multiply with can't be pruned; empty if it can."""
    if names[_name_of(weight)] > 1:
        return f"several graphs have an initializer {weight.name}"
    if weight.dtype not in TRAINABLE:
        return f"its weight is {weight.dtype}, not float32"
    if weight.shape is None or len(weight.shape) < 2:
        return "its weight is a vector"
    return ""


def _is_constant(node: ir.Node) -> bool:
    """Return whether a node computes with constants alone, directly or through one more node."""
    inputs = [value for value in node.inputs if value is not None]
    return all(
        value.is_initializer()
        or ((source := value.producer()) is not None and not any(source.inputs))
        for value in inputs
    )


def _matrix_reason(node: ir.Node) -> str:
    """Return why the weights of a node of another kind stay: initializers of two axes above 1.

    Empty if it has none.
    """
    types = [
        value.dtype
        for value in node.inputs
        if value is not None
        and value.is_initializer()
        and value.shape is not None
        and sum(size != 1 for size in value.shape) > 1
    ]
    integers = [dtype for dtype in types if dtype in _INTEGERS]
    if integers:
        return f"its weight is {integers[0]}, not float32"
    return _OTHER_KIND if _FLOATS & set(types) else ""


def _named(
    users: Mapping[ir.Value, list[ir.Node]], wishes: Mapping[ir.Value, str]
) -> tuple[Layer, ...]:
    """Return the layers, each with a name of its own: that of its initializer where need be."""
    taken = Counter(wishes.values())
    keys = {_name_of(weight): weight for weight in wishes}
    return tuple(
        Layer(
            name if taken[name] == 1 and keys.get(name, weight) is weight else _name_of(weight),
            users[weight][0].op_type,
            weight,
            tuple(users[weight]),
        )
        for weight, name in wishes.items()
    )


def _node_name(node: ir.Node) -> str:
    return node.name or next((value.name for value in node.outputs if value.name), node.op_type)


def _name_of(value: ir.Value) -> str:
    assert value.name is not None  # onnx_ir names every initializer
    return value.name
