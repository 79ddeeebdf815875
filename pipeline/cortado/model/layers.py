"""The prunable layers of a model, named as the user knows them.

A layer is one constant float32 weight that a Conv, ConvTranspose, Gemm or MatMul node
multiplies with; a weight that several nodes share is one layer. Its name is, in this order:

1. the initializer's name without ``.weight`` (``conv1.weight`` → ``conv1``: Caffe layers as
   cortado imports them, PyTorch modules as its exporters name them);
2. the name of the first node that uses it;
3. the initializer's name.

What looks like a layer but can't be pruned is listed apart with the reason.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.typing import FloatArray

__all__ = ["Layer", "Layers", "Skipped", "check_finite", "find_layers", "replace_weights"]

_FLOATS = {ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE}
_INTEGERS = {ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT4, ir.DataType.UINT4}
_WEIGHT_INPUTS = {"Conv": (1,), "ConvTranspose": (1,), "Gemm": (0, 1), "MatMul": (0, 1)}
_OTHER_KIND = f"only ONNX's own {', '.join(_WEIGHT_INPUTS)} are pruned"


@dataclass(frozen=True)
class Layer:
    """A prunable layer.

    Attributes
    ----------
    name : str
        The name that reports and selectors use.
    op_type : str
        ``Conv``, ``ConvTranspose``, ``Gemm`` or ``MatMul``.
    weight : onnx_ir.Value
        The initializer. Its array is in the layout of the node, such as (out, in, kh, kw).
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
        """The weights, float32, in the layout of the node; not to be written into."""
        assert self.weight.const_value is not None  # find_layers saw to it
        return self.weight.const_value.numpy()


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
    skipped: list[Skipped] = []
    names = Counter(name for graph in model.graphs() for name in graph.initializers)
    for node in model.graph.all_nodes():
        if node.op_type not in _WEIGHT_INPUTS or node.domain not in ("", "ai.onnx"):
            reason = _matrix_reason(node)
            if reason and not _is_constant(node):
                skipped.append(Skipped(_node_name(node), node.op_type, reason))
            continue
        weight = _weight_of(node)
        if weight is None:
            continue
        if isinstance(weight, str):
            skipped.append(Skipped(_node_name(node), node.op_type, weight))
        elif names[_name_of(weight)] > 1:
            reason = f"several graphs have an initializer {weight.name}"
            skipped.append(Skipped(_node_name(node), node.op_type, reason))
        else:
            users.setdefault(weight, []).append(node)
    return Layers(_named(users), tuple(skipped))


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
        Initializer name → new values, of the same shape and type.
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
    if tuple(array.shape) != tuple(old.shape) or array.dtype != old.dtype.numpy():
        raise CortadoError(
            f"{value.name} is {old.dtype} of shape {list(old.shape)}; "
            f"it cannot become {array.dtype} of shape {list(array.shape)}"
        )
    value.const_value = ir.Tensor(
        np.array(array, order="C"),  # a copy: the caller may go on changing the array
        name=value.name,
        doc_string=old.doc_string,
        metadata_props=dict(old.metadata_props),
    )


def _weight_of(node: ir.Node) -> ir.Value | str | None:
    """Return the constant factor of a node, or why it can't be pruned; None if it has none."""
    inputs = [node.inputs[i] for i in _WEIGHT_INPUTS[node.op_type] if i < len(node.inputs)]
    weights = [value for value in inputs if value is not None and value.is_initializer()]
    if not weights:
        sources = [value.producer() for value in inputs if value is not None]
        made = [source.op_type for source in sources if source and _is_constant(source)]
        return f"its weight is made by a {made[0]} node" if made else None
    if len(weights) > 1:
        return "both of its factors are constant"
    (weight,) = weights
    if weight.dtype is not ir.DataType.FLOAT:
        return f"its weight is {weight.dtype}, not float32"
    if weight.shape is None or len(weight.shape) < 2:
        return "its weight is a vector"
    return weight


def _is_constant(node: ir.Node) -> bool:
    """Tell whether a node computes with constants alone, directly or through one more node."""
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


def _named(users: Mapping[ir.Value, list[ir.Node]]) -> tuple[Layer, ...]:
    wished = {weight: _wished_name(weight, nodes[0]) for weight, nodes in users.items()}
    taken = Counter(wished.values())
    return tuple(
        Layer(
            name if taken[name] == 1 else _name_of(weight),
            users[weight][0].op_type,
            weight,
            tuple(users[weight]),
        )
        for weight, name in wished.items()
    )


def _wished_name(weight: ir.Value, node: ir.Node) -> str:
    name = _name_of(weight)
    if name.endswith(".weight") and name != ".weight":
        return name.removesuffix(".weight")
    return node.name or name


def _node_name(node: ir.Node) -> str:
    return node.name or next((value.name for value in node.outputs if value.name), node.op_type)


def _name_of(value: ir.Value) -> str:
    assert value.name is not None  # onnx_ir names every initializer
    return value.name
