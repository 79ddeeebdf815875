"""Which axis of a weight counts its outputs, which its inputs; its groups and its bias.

In the layout of the node, with g groups:

    operator       shape                      output   input
    Conv           (out, in / g, kernel…)     0        1
    ConvTranspose  (in, out / g, kernel…)     1        0
    Gemm, right    (in, out); transB: (out, in)
    Gemm, left     (out, in); transA: (in, out)
    MatMul, right  (…, in, out)               last     the one before
    MatMul, left   (…, out, in)               the one before   last
    LSTM, GRU, RNN (directions, gates · hidden, in)   1   2

The outputs of a left factor are the rows of the product. What a recurrent layer gives for each row
of its weights is a gate of one unit, gate by gate; the inputs of its second weight are its units.
Axes in front of the matrices of a MatMul, and directions, are neither.

The layout of the initializer may be another, behind Transpose, Reshape and the like: every axis is
followed through them. It is lost where a Reshape splits it, or joins it with others.

Source: the operators at https://onnx.ai/onnx/operators.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from cortado.model.graph.nodes import is_standard
from cortado.model.graph.origins import path_to

__all__ = ["Axes", "bias_of", "find_axes"]

_BIAS = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "LSTM": 3, "GRU": 3, "RNN": 3}
_CONVOLUTIONS = ("Conv", "ConvTranspose")
_RECURRENT = ("LSTM", "GRU", "RNN")


@dataclass(frozen=True)
class Axes:
    """The axes of a weight in the layout of its initializer.

    Attributes
    ----------
    output, input : int or None
        None where the axis is not one of the initializer; `reason` says why.
    groups : int
        Of a convolution: output c belongs to group c div (outputs / groups), and sees only the
        inputs of that group. One of the two axes counts those of one group (see the module).
    reason : str
        Empty if both axes are known.
    """

    output: int | None
    input: int | None
    groups: int = 1
    reason: str = ""


@dataclass(frozen=True)
class _Layout:
    """The shape of a value, and which axis of the origin each of its axes is, if it is one."""

    shape: tuple[int, ...]
    axes: tuple[int | None, ...]


def find_axes(weight: ir.Value, nodes: Sequence[ir.Node]) -> Axes:
    """Return the axes of the initializer that some nodes multiply with."""
    found = {_axes_at(weight, node) for node in nodes}
    if len(found) == 1:
        return found.pop()
    return Axes(None, None, 1, "its nodes use its weight in different layouts")


def bias_of(weight: ir.Value, node: ir.Node) -> ir.Value | None:
    """Return the initializer that adds one number to each output of a node; None if there is none.

    It is an input of the node, or what an Add behind it adds where nothing else reads the product.
    That of a recurrent layer has twice as many numbers as its weight has rows, for both weights.
    """
    place = _BIAS.get(node.op_type)
    own = node.inputs[place] if place is not None and place < len(node.inputs) else None
    if is_standard(node, *_RECURRENT):
        found = None if own is None else path_to(own)[0]
        return found if found is not None and _is_constant(found) else None
    index, layout, _ = _layout_at(weight, node)
    if layout is None:
        return None
    output, _, groups = _in_node(node, index, len(layout.shape))
    outputs = layout.shape[output] * (groups if node.op_type == "ConvTranspose" else 1)
    is_left = node.op_type in ("Gemm", "MatMul") and index == 0
    if own is not None:
        return own if _is_vector(own, outputs, int(is_left)) else None
    product = node.outputs[0]
    users = list(product.uses())
    if len(users) != 1 or product.is_graph_output() or not is_standard(users[0].node, "Add"):
        return None
    other = users[0].node.inputs[1 - users[0].idx]
    behind = len(layout.shape) - 2 if node.op_type in _CONVOLUTIONS else int(is_left)
    return other if other is not None and _is_vector(other, outputs, behind) else None


def _axes_at(weight: ir.Value, node: ir.Node) -> Axes:
    index, layout, reason = _layout_at(weight, node)
    if layout is None:
        return Axes(None, None, 1, reason)
    output, inside, groups = _in_node(node, index, len(layout.shape))
    axes = layout.axes[output], layout.axes[inside]
    reason = "" if None not in axes else "a Reshape in front of its node joins or splits its axes"
    return Axes(*axes, groups, reason)


def _layout_at(weight: ir.Value, node: ir.Node) -> tuple[int, _Layout | None, str]:
    """Return which input of a node a weight is, its layout there, and why that is not known."""
    index, path = _place_of(weight, node)
    if weight.const_value is None:
        return index, None, "its weight has no values"
    shape = tuple(weight.const_value.shape.numpy())
    layout: _Layout | None = _Layout(shape, tuple(range(len(shape))))
    for passing in path:
        assert layout is not None
        layout = _STEPS[passing.op_type](layout, passing)
        if layout is None:
            return index, None, f"its axes are not known behind {passing.op_type}"
    return index, layout, ""


def _place_of(weight: ir.Value, node: ir.Node) -> tuple[int, tuple[ir.Node, ...]]:
    """Return which input of a node a weight is, and the nodes between the two."""
    for index, value in enumerate(node.inputs):
        if value is not None:
            origin, path = path_to(value)
            if origin is weight:
                return index, path
    raise ValueError(f"{node.name} does not read {weight.name}")


def _in_node(node: ir.Node, index: int, rank: int) -> tuple[int, int, int]:
    """Return the axes of outputs and inputs in the layout of a node, and its groups."""
    get = node.attributes.get_int
    match node.op_type:
        case "Conv":
            return 0, 1, get("group", 1)
        case "ConvTranspose":
            return 1, 0, get("group", 1)
        case "Gemm":
            is_swapped = bool(get("transB" if index else "transA", 0))
            output = int(is_swapped != bool(index))
            return output, 1 - output, 1
        case "MatMul":
            return (rank - 1, rank - 2, 1) if index else (rank - 2, rank - 1, 1)
        case _:
            return 1, 2, 1


def _is_constant(value: ir.Value) -> bool:
    return value.is_initializer() and value.const_value is not None


def _is_vector(value: ir.Value, size: int, behind: int) -> bool:
    """Return whether a constant is one number an output, the axes behind it being of size 1."""
    if value.const_value is None or not value.is_initializer():
        return False
    shape = tuple(value.const_value.shape.numpy())
    place = len(shape) - 1 - behind
    return place >= 0 and shape[place] == size and math.prod(shape) == size


def _same(layout: _Layout, node: ir.Node) -> _Layout:  # noqa: ARG001  each step takes both
    return layout


def _transpose(layout: _Layout, node: ir.Node) -> _Layout:
    rank = len(layout.shape)
    order = node.attributes.get_ints("perm", tuple(reversed(range(rank))))
    return _Layout(
        tuple(layout.shape[axis] for axis in order), tuple(layout.axes[axis] for axis in order)
    )


def _reshape(layout: _Layout, node: ir.Node) -> _Layout | None:
    wanted = _constant(node, 1)
    if wanted is None:
        return None
    is_zero_kept = node.attributes.get_int("allowzero", 0) == 0
    sizes = [
        layout.shape[axis] if size == 0 and is_zero_kept else size
        for axis, size in enumerate(wanted)
    ]
    known = math.prod(size for size in sizes if size != -1)
    sizes = [math.prod(layout.shape) // max(known, 1) if size == -1 else size for size in sizes]
    return _reshaped(layout, sizes)


def _flatten(layout: _Layout, node: ir.Node) -> _Layout:
    axis = node.attributes.get_int("axis", 1) % (len(layout.shape) + 1)
    return _reshaped(layout, [math.prod(layout.shape[:axis]), math.prod(layout.shape[axis:])])


def _reshaped(layout: _Layout, sizes: Sequence[int]) -> _Layout:
    """Return what a Reshape makes of a layout.

    An axis stays one where it has its size, and as many elements in front of it, as before. Axes
    of size 1, which hold no order, follow one another as before.
    """
    places = {
        (math.prod(layout.shape[:axis]), size): layout.axes[axis]
        for axis, size in enumerate(layout.shape)
        if size != 1
    }
    kept = [places.get((math.prod(sizes[:axis]), size)) for axis, size in enumerate(sizes)]
    ones = iter(axis for axis, size in zip(layout.axes, layout.shape, strict=True) if size == 1)
    pairs = zip(kept, sizes, strict=True)
    axes = tuple(next(ones, None) if size == 1 else axis for axis, size in pairs)
    return _Layout(tuple(sizes), axes)


def _squeeze(layout: _Layout, node: ir.Node) -> _Layout | None:
    axes = _axes_of(node)
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(layout.shape) if size == 1)
    gone = {axis % len(layout.shape) for axis in axes}
    kept = [axis for axis in range(len(layout.shape)) if axis not in gone]
    return _Layout(
        tuple(layout.shape[axis] for axis in kept), tuple(layout.axes[axis] for axis in kept)
    )


def _unsqueeze(layout: _Layout, node: ir.Node) -> _Layout | None:
    axes = _axes_of(node)
    if axes is None:
        return None
    rank = len(layout.shape) + len(axes)
    new = {axis % rank for axis in axes}
    old = iter(zip(layout.shape, layout.axes, strict=True))
    pairs = [(1, None) if axis in new else next(old) for axis in range(rank)]
    return _Layout(tuple(size for size, _ in pairs), tuple(axis for _, axis in pairs))


def _concat(layout: _Layout, node: ir.Node) -> _Layout | None:
    """Parts of one value, put together along the axis that they were cut along, all of them."""
    rank = len(layout.shape)
    axis = node.attributes.get_int("axis", 0) % rank
    shape = node.outputs[0].shape
    if shape is not None and shape.is_static() and tuple(shape.numpy()) != layout.shape:
        return None
    for part in node.inputs:
        cut = None if part is None else part.producer()
        if cut is None or not _is_cut_along(cut, axis, rank):
            return None
    return layout


def _is_cut_along(node: ir.Node, axis: int, rank: int) -> bool:
    if node.op_type == "Split":
        return node.attributes.get_int("axis", 0) % rank == axis
    axes = node.attributes.get_ints("axes", ()) or _constant(node, 3)
    if axes is None:
        starts = node.attributes.get_ints("starts", ()) or _constant(node, 1)
        axes = None if starts is None else tuple(range(len(starts)))
    return axes is not None and [one % rank for one in axes] == [axis]


def _axes_of(node: ir.Node) -> tuple[int, ...] | None:
    """Return the axes of a Squeeze or Unsqueeze: an attribute before opset 13, then an input."""
    return tuple(node.attributes.get_ints("axes", ())) or _constant(node, 1)


def _constant(node: ir.Node, index: int) -> tuple[int, ...] | None:
    value = node.inputs[index] if index < len(node.inputs) else None
    tensor = None if value is None else ir.convenience.get_const_tensor(value)
    return None if tensor is None else tuple(int(x) for x in tensor.numpy().reshape(-1))


_STEPS: dict[str, Callable[[_Layout, ir.Node], _Layout | None]] = {
    "Cast": _same,
    "Concat": _concat,
    "Flatten": _flatten,
    "Identity": _same,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
