"""From a cut to the outputs, for many weights of one layer.

One weight at a time always works. Where the layer is a plain Conv, Gemm or MatMul, and the first
axis of all that lives around it is that of the samples, weights are stacked: with R weights of O
outputs each,

    y = layer(x, [W_1; …; W_R])     (n, R·O, …): what enters the layer is unfolded once, and the
                                    product is a large one
    y → (n·R, O, …)                 without moving a number
    outputs = rest(y, others)       (n·R, …), in R parts; what else lives is repeated R times

The result is the same but for the last bits. These depend on the size of a product, and so R is
fixed, and fewer weights are filled up with the last one: a point's figures are the same whatever
is measured beside it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import onnx_ir as ir

from cortado.model.typing import Array, FloatArray
from cortado.sensitivity.runner.cache import Values
from cortado.sensitivity.runner.split_points import Cut, Network
from cortado.treatments import all_treatments

__all__ = ["Suffix", "is_plain", "open_suffix", "stack_sizes"]

_MOST_STACKED = 5  # of the levels of a sweep: ten fill two stacks of five, seven two of four
_LIVE_BYTES = 2**23  # of values, which stand in memory once for each weight of a stack
_WEIGHT_BYTES = 2**25


class Suffix(Protocol):
    """The part of the model behind the cut in front of one layer."""

    def join(self, weights: Sequence[FloatArray], size: int) -> Array:
        """Return a stack of `size` weights, filled up where there are fewer."""
        ...

    def run(self, values: Values, stack: Array, size: int) -> Values:
        """Return the outputs; of several weights, shape (samples · size, …), samples together."""
        ...


def is_plain(cut: Cut) -> bool:
    """Return whether weights of a layer can be stacked, if the values around it are batches."""
    return _output_axis(cut) is not None


def stack_sizes(cut: Cut, live: int, *, batched: bool) -> Mapping[str, int]:
    """Return how many weights of a layer are tried at once, by the names of treatments.

    Parameters
    ----------
    cut : Cut
        The layer.
    live : int
        Bytes of values of a batch, where they are widest from the cut on.
    batched : bool
        Whether the first axis of all values around the layer is that of the samples.
    """
    if not batched or not is_plain(cut):
        return {treatment.name: 1 for treatment in all_treatments()}
    most = max(1, min(_LIVE_BYTES // live, _WEIGHT_BYTES // cut.layer.array.nbytes))
    return {
        treatment.name: min(_evenly(len(treatment.levels)), most) for treatment in all_treatments()
    }


def _evenly(levels: int) -> int:
    """Return the size of the fewest stacks of about equal size for a number of levels."""
    return math.ceil(levels / math.ceil(levels / _MOST_STACKED))


def open_suffix(network: Network, cut: Cut, sizes: Mapping[str, int]) -> Suffix:
    """Open the sessions for what follows a cut, for stacks of these sizes."""
    axis = _output_axis(cut)
    if axis is None or max(sizes.values()) == 1:
        return _Single(network, cut)
    return _Stacked(network, cut, axis)


class _Single:
    """One weight at a time, as one more input."""

    def __init__(self, network: Network, cut: Cut) -> None:
        self._layer = cut.layer
        self._known = [name for name in network.outputs if name in cut.values]
        asked = [name for name in network.outputs if name not in cut.values]
        self._session = network.open_part((*cut.values, cut.layer.key), asked)

    def join(self, weights: Sequence[FloatArray], size: int) -> Array:  # noqa: ARG002
        (weight,) = weights
        return _stored(self._layer.weight, weight)

    def run(self, values: Values, stack: Array, size: int) -> Values:  # noqa: ARG002
        found = self._session.run({**values, self._layer.key: stack})
        return found | {name: values[name] for name in self._known}


class _Stacked:
    """Several weights at once: the layer in one session, what follows it in another."""

    def __init__(self, network: Network, cut: Cut, axis: int) -> None:
        (node,) = cut.layer.nodes
        self._axis, self._weight = axis, cut.layer.weight
        self._result = str(node.outputs[0].name)
        self._bias = _bias_of(node)
        inputs = [str(value.name) for value in node.inputs if value is not None]
        self._entering = inputs[0]
        self._layer = network.open_part(inputs, [self._result], shapes=False)
        self._others = [name for name in cut.behind if name != self._result]
        self._outputs, self._axes = network.outputs, network.axes
        known = {self._result, *self._others}
        asked = [name for name in network.outputs if name not in known]
        behind = (self._result, *self._others)
        self._rest = network.open_part(behind, asked) if asked else None

    def join(self, weights: Sequence[FloatArray], size: int) -> Array:
        filled = [*weights, *[weights[-1]] * (size - len(weights))]
        return _stored(self._weight, np.concatenate(filled, axis=self._axis))

    def run(self, values: Values, stack: Array, size: int) -> Values:
        fed = {self._entering: values[self._entering], str(self._weight.name): stack}
        if self._bias is not None:
            name, bias = self._bias
            fed[name] = np.tile(bias, size)
        wide = self._layer.run(fed)[self._result]  # (n, R·O, …)
        samples, outputs = wide.shape[0], wide.shape[1] // size
        result = wide.reshape(samples * size, outputs, *wide.shape[2:])
        behind = {name: np.repeat(values[name], size, axis=0) for name in self._others}
        behind[self._result] = result
        found = behind if self._rest is None else behind | self._run_rest(behind, samples)
        return {name: found[name] for name in self._outputs}

    def _run_rest(self, values: Values, rows: int) -> Values:
        """Run the rest of the model on some rows at a time, as many as suit a cache."""
        assert self._rest is not None
        parts = [
            self._rest.run({name: array[begin : begin + rows] for name, array in values.items()})
            for begin in range(0, len(values[self._result]), rows)
        ]
        return {
            name: np.concatenate([part[name] for part in parts], axis=self._axes.get(name, 0) or 0)
            for name in parts[0]
        }


def _stored(weight: ir.Value, array: FloatArray) -> Array:
    """Return weights in the type of their initializer."""
    assert weight.dtype is not None  # find_layers saw to it
    return array.astype(weight.dtype.numpy(), copy=False)


def _output_axis(cut: Cut) -> int | None:
    """Return the axis of a weight's outputs; None where its layer can't be stacked."""
    node, weight = cut.layer.nodes[0], cut.layer.weight
    alone = len(cut.layer.nodes) == 1 and len(node.inputs) > 1 and node.inputs[1] is weight
    shape = node.outputs[0].shape
    is_product = bool(cut.behind) and alone and node.inputs[0] is not weight
    if not is_product or shape is None or _has_odd_bias(node):
        return None
    get = node.attributes.get_int
    match node.op_type:
        case "Conv":
            return 0 if get("group", 1) == 1 else None
        case "Gemm":
            return None if get("transA", 0) else 1 - (get("transB", 0) or 0)
        case "MatMul":
            return 1 if len(shape) == 2 else None
    return None


def _has_odd_bias(node: ir.Node) -> bool:
    """Return whether a node adds something other than one number an output."""
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is None:
        return False
    known = bias.const_value if bias.is_initializer() else None
    width = node.outputs[0].shape
    return known is None or width is None or tuple(known.shape) != (width[1],)


def _bias_of(node: ir.Node) -> tuple[str, Array] | None:
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is None or bias.const_value is None:
        return None
    return str(bias.name), bias.const_value.numpy()
