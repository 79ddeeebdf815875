"""LSTM, GRU and RNN, step by step.

With x of shape (T, n, i), for each direction and time

    LSTM   i, o, f, c' = split(x Wᵀ + h Rᵀ + b);  i, f += P c
           c = σ(f) c + σ(i) tanh(c');  h = σ(o + P c) tanh(c)
    GRU    z, r = σ(…);  h' = tanh(x Whᵀ + (r h) Rhᵀ + bw + br), or with linear_before_reset
           tanh(x Whᵀ + bw + r (h Rhᵀ + br));  h = (1 − z) h' + z h
    RNN    h = tanh(x Wᵀ + h Rᵀ + b)

W is (directions, gates · hidden, i), R (directions, gates · hidden, hidden), B both their biases
(directions, 2 · gates · hidden), P (directions, 3 · hidden). A step behind the end of a sequence
yields zeros and leaves the state.

Source: https://onnx.ai/onnx/operators, LSTM, GRU, RNN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import getitem
from typing import TypeAlias

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__ = ["Cell", "Function", "State", "Weights"]

Function: TypeAlias = Callable[[Tensor], Tensor]
"""An activation."""

State: TypeAlias = tuple[Tensor, ...]
"""h of shape (n, hidden), and for an LSTM c."""

_INPUTS = 8
_ACTIVATIONS: dict[str, Function] = {
    "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh,
    "Relu": torch.relu,
    "Softsign": F.softsign,
    "Softplus": F.softplus,
}
_DEFAULTS = {
    "LSTM": ("Sigmoid", "Tanh", "Tanh"),
    "GRU": ("Sigmoid", "Tanh"),
    "RNN": ("Tanh",),
}


@dataclass(frozen=True)
class Cell:
    """The attributes of a recurrent node.

    Attributes
    ----------
    kind : {"LSTM", "GRU", "RNN"}
        The operator.
    direction : {"forward", "reverse", "bidirectional"}
        In which order the steps are taken; in both by two sets of weights.
    activations : tuple of str
        Of one direction after the other.
    clip : float
        Limit of what enters an activation; 0 for none.
    linear_before_reset, batch_first : bool
        See above; whether the batch is the first axis of everything (``layout``).
    """

    kind: str
    direction: str
    activations: tuple[str, ...]
    clip: float
    linear_before_reset: bool
    batch_first: bool


@dataclass(frozen=True)
class Weights:
    """The weights and settings of one direction; see above."""

    w: Tensor
    r: Tensor
    b: Tensor | None
    p: Tensor | None


@operator("LSTM", "GRU", "RNN")
def _recurrent(ctx: NodeContext) -> tuple[fx.Node, ...]:
    """Return the states of all steps, (T, directions, n, hidden), and the last ones."""
    attributes = ctx.node.attributes
    cell = Cell(
        ctx.node.op_type,
        attributes.get_string("direction", "forward"),
        tuple(attributes.get_strings("activations", ())),
        attributes.get_float("clip", 0.0),
        bool(attributes.get_int("linear_before_reset", 0)),
        bool(attributes.get_int("layout", 0)),
    )
    if set(cell.activations) - _ACTIVATIONS.keys():
        raise ctx.refusal(f"its activations {', '.join(cell.activations)} are not supported")
    if attributes.get_int("input_forget", 0):
        raise ctx.refusal("input_forget is not supported")
    inputs = [ctx.optional(index) for index in range(_INPUTS)]
    result = ctx.bound(_run, inputs, options=(cell,))
    return tuple(ctx.call(getitem, result, i) for i in range(3 if cell.kind == "LSTM" else 2))


def _run(inputs: Sequence[Tensor | None], cell: Cell) -> State:
    x, w, r, b, lengths, h, c, p = inputs
    assert x is not None
    assert w is not None
    assert r is not None
    if cell.batch_first:
        x = x.transpose(0, 1)
        h, c = (None if state is None else state.transpose(0, 1) for state in (h, c))
    zeros = x.new_zeros(len(w), x.size(1), r.size(2))
    given = (h, c) if cell.kind == "LSTM" else (h,)
    outputs, finals = [], []
    for index in range(len(w)):
        bias, peepholes = (None if each is None else each[index] for each in (b, p))
        start = tuple((zeros if state is None else _fit(state, zeros))[index] for state in given)
        weights = Weights(w[index], r[index], bias, peepholes)
        output, final = _run_one(cell, index, weights, (x, lengths), start)
        outputs.append(output)
        finals.append(final)
    y = torch.stack(outputs, 1)  # (T, directions, n, hidden)
    last = [torch.stack(parts) for parts in zip(*finals, strict=True)]  # (directions, n, hidden)
    if cell.batch_first:
        return (y.permute(2, 0, 1, 3), *(state.transpose(0, 1) for state in last))
    return (y, *last)


def _fit(state: Tensor, zeros: Tensor) -> Tensor:
    """Return first states for as many sequences as there are; files fix the number at export.

    States that differ by sequence belong to that many sequences, and no others. Those that do not
    are constants, such as zeros: training would part them.
    """
    if not bool((state == state[:, :1]).all()):
        return state
    return state[:, :1].detach().expand(-1, zeros.size(1), -1)


def _run_one(
    cell: Cell,
    index: int,
    weights: Weights,
    sequences: tuple[Tensor, Tensor | None],
    state: State,
) -> tuple[Tensor, State]:
    """Run one direction: its outputs, (T, n, hidden) in the order of time, and its last state."""
    x, lengths = sequences
    chosen = cell.activations or _DEFAULTS[cell.kind] * 2
    count = len(_DEFAULTS[cell.kind])
    functions = [_ACTIVATIONS[name] for name in chosen[index * count : (index + 1) * count]]
    step = _STEPS[cell.kind]
    order = range(len(x))
    outputs: dict[int, Tensor] = {}
    for time in reversed(order) if cell.direction == "reverse" or index else order:
        new = step(cell, weights, functions, x[time], state)
        if lengths is not None:
            runs = (lengths > time)[:, None]
            state = tuple(torch.where(runs, a, b) for a, b in zip(new, state, strict=True))
            outputs[time] = torch.where(runs, new[0], 0.0)
        else:
            state = new
            outputs[time] = new[0]
    return torch.stack([outputs[time] for time in order]), state


def _lstm(
    cell: Cell, weights: Weights, functions: Sequence[Function], x: Tensor, state: State
) -> State:
    h, c = state
    gate, candidate, squash = functions
    w_bias, r_bias = _biases(weights)
    i, o, f, g = (F.linear(x, weights.w, w_bias) + F.linear(h, weights.r, r_bias)).chunk(4, -1)
    p_i, p_o, p_f = (0, 0, 0) if weights.p is None else weights.p.chunk(3)
    kept = gate(_clip(cell, f + p_f * c)) * c
    c = kept + gate(_clip(cell, i + p_i * c)) * candidate(_clip(cell, g))
    return gate(_clip(cell, o + p_o * c)) * squash(c), c


def _gru(
    cell: Cell, weights: Weights, functions: Sequence[Function], x: Tensor, state: State
) -> State:
    (h,) = state
    gate, candidate = functions
    w_bias, r_bias = _biases(weights)
    x_z, x_r, x_h = F.linear(x, weights.w, w_bias).chunk(3, -1)
    size = h.size(-1)
    h_bias = None if r_bias is None else r_bias[: 2 * size]
    h_z, h_r = F.linear(h, weights.r[: 2 * size], h_bias).chunk(2, -1)
    z, reset = gate(_clip(cell, x_z + h_z)), gate(_clip(cell, x_r + h_r))
    last, last_bias = weights.r[2 * size :], None if r_bias is None else r_bias[2 * size :]
    if cell.linear_before_reset:
        hidden = x_h + reset * F.linear(h, last, last_bias)
    else:
        hidden = x_h + F.linear(reset * h, last, last_bias)
    return ((1 - z) * candidate(_clip(cell, hidden)) + z * h,)


def _rnn(
    cell: Cell, weights: Weights, functions: Sequence[Function], x: Tensor, state: State
) -> State:
    w_bias, r_bias = _biases(weights)
    total = F.linear(x, weights.w, w_bias) + F.linear(state[0], weights.r, r_bias)
    return (functions[0](_clip(cell, total)),)


_STEPS = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}


def _biases(weights: Weights) -> tuple[Tensor | None, Tensor | None]:
    """Return the bias of what comes in, and that of the state."""
    if weights.b is None:
        return None, None
    first, second = weights.b.chunk(2)
    return first, second


def _clip(cell: Cell, x: Tensor) -> Tensor:
    return x.clamp(-cell.clip, cell.clip) if cell.clip else x
