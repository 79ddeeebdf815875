"""LSTM, RNN and LSTMUnit, unrolled in time as Caffe unrolls them.

The bottoms are x (T, N, …), cont (T, N), perhaps a static input (N, …), and with
`expose_hidden` the first states, (1, N, H) each. The tops are (T, N, H), and then the last
states.

    LSTM   i, f, o, g = W_x·x_t + b [+ W_s·static] + W_h·(cont_t · h)     in this order
           c = cont_t · σ(f) · c + σ(i) · tanh(g),  h = σ(o) · tanh(c)
    RNN    h = tanh(W_x·x_t + b [+ W_s·static] + W_h·(cont_t · h)),  o_t = tanh(W_o·h + b_o)

LSTMUnit is a step of the LSTM: of c (1, N, H), the gates (1, N, 4H) and cont (1, N).

cont is 0 where a sequence begins, and may be any number, of which ONNX's LSTM knows nothing. What
doesn't depend on the state is computed for all steps at once. The matrices are the initializers
``<layer>.x.weight``, ``.static.weight``, ``.h.weight`` and ``.o.weight``, (inputs, outputs) as
MatMul has them. Without `expose_hidden` the first states are 0; Caffe goes on with those of the
run before, if cont begins with another number than 0.

Source: BVLC/caffe recurrent_layer.cpp, lstm_layer.cpp, lstm_unit_layer.cpp, rnn_layer.cpp.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob, Shape
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.parameters import BlobSpec, Parameter

__all__: list[str] = []

_MAX_STEPS = 1024  # of 14 nodes each


@dataclass(frozen=True)
class _Sequences:
    """The bottoms of a recurrent layer; there are no states unless they are exposed."""

    x: Blob
    cont: Blob
    static: Blob | None
    states: tuple[Blob, ...]


@layer("LSTM", in_place=never)
def _lstm(context: Context) -> tuple[Blob, ...]:
    sequences = _sequences(context, states=2)
    blobs = _load(context, sequences, gates=4, output=())
    h, c = sequences.states or (None, None)
    tops = []
    for t, (z, cont) in enumerate(_steps(context, sequences, blobs)):
        gates = _with_state(context, z, h, cont, blobs["h.weight"], f"{t}/")
        c, h = _unit(context, gates, c, cont, f"{t}/")
        tops.append(h)
    states = (tops[-1], c) if sequences.states and c is not None else ()
    return (_joined(context, tops), *states)


@layer("RNN", in_place=never)
def _rnn(context: Context) -> tuple[Blob, ...]:
    sequences, size = _sequences(context, states=1), _size(context)
    output = (_matrix(context, "o", (size, size)), _bias(context, "o", size))
    blobs = _load(context, sequences, gates=1, output=output)
    h = sequences.states[0] if sequences.states else None
    hidden = []
    for t, (z, cont) in enumerate(_steps(context, sequences, blobs)):
        total = _with_state(context, z, h, cont, blobs["h.weight"], f"{t}/")
        h = context.node("Tanh", [total], total.shape, part=f"{t}/h")
        hidden.append(h)
    total = _affine(context, _joined(context, hidden), blobs, "o")
    return (
        context.node("Tanh", [total], total.shape),
        *(hidden[-1:] if sequences.states else ()),
    )


@layer("LSTMUnit")
def _lstm_unit(context: Context) -> tuple[Blob, ...]:
    if len(context.bottoms) != 3 or context.bottoms[0].rank != 3:
        raise context.refuse("it needs a state (1, N, H), gates (1, N, 4H) and cont (1, N)")
    c, gates, cont = context.bottoms
    _, items, size = c.shape
    wanted = [(1, items, size), (1, items, 4 * size), (1, items)]
    found = [blob.shape for blob in context.bottoms]
    if found != wanted:
        shapes = ", ".join(str(list(shape)) for shape in found)
        raise context.refuse(f"no state, gates and cont of one step have the shapes {shapes}")
    for blob in context.bottoms:
        context.fix_batch(blob, "computes a single step")
    return _unit(context, gates, c, context.reshape(cont, (1, items, 1), part="cont"), "")


def _sequences(context: Context, states: int) -> _Sequences:
    """Return the bottoms, of one number of steps and of sequences."""
    exposed = context.settings("recurrent_param").flag("expose_hidden", default=False)
    states, size = states if exposed else 0, _size(context)
    if len(context.bottoms) not in (2 + states, 3 + states):
        raise context.refuse(
            f"it has {len(context.bottoms)} bottoms instead of {2 + states} or {3 + states}"
        )
    x, cont, *others = context.bottoms
    if x.rank < 3 or x.shape[:2] != cont.shape:
        raise context.refuse(
            f"its bottoms have the shapes {list(x.shape)} and {list(cont.shape)}, "
            "not those of x (T, N, …) and cont (T, N)"
        )
    if x.shape[0] > _MAX_STEPS:
        raise context.refuse(f"it has {x.shape[0]} steps; at most {_MAX_STEPS} are unrolled")
    for blob in context.bottoms:
        context.fix_batch(blob, "is unrolled in time, which is its first axis")
    static = others.pop(0) if len(others) > states else None
    if static is not None and (static.rank < 2 or static.shape[0] != x.shape[1]):
        raise context.refuse(f"its static input has the shape {list(static.shape)}")
    for state in others:
        if state.shape != (1, x.shape[1], size):
            raise context.refuse(f"one of its first states has the shape {list(state.shape)}")
    if not exposed:
        context.note("its first state is 0 in every run; Caffe keeps the last of the run before")
    return _Sequences(x, cont, static, tuple(others))


def _size(context: Context) -> int:
    size = context.settings("recurrent_param").integer("num_output", 0, minimum=1)
    if not size:
        raise context.refuse("it has no num_output")
    return size


def _matrix(context: Context, part: str, shape: Shape) -> BlobSpec:
    filler = context.settings("recurrent_param").message("weight_filler")
    return BlobSpec(f"{part}.weight", shape, filler)


def _bias(context: Context, part: str, size: int) -> BlobSpec:
    filler = context.settings("recurrent_param").message("bias_filler")
    return BlobSpec(f"{part}.bias", (size,), filler)


def _load(
    context: Context, sequences: _Sequences, gates: int, output: Sequence[BlobSpec]
) -> dict[str, Blob]:
    """Return the initializers by role, in Caffe's order; the matrices as MatMul wants them."""
    size, static = _size(context), sequences.static
    wide = gates * size
    specs = [
        _matrix(context, "x", (wide, prod(sequences.x.shape[2:]))),
        _bias(context, "x", wide),
        *([_matrix(context, "static", (wide, prod(static.shape[1:])))] if static else []),
        _matrix(context, "h", (wide, size)),
        *output,
    ]
    pairs = zip(specs, context.load(*specs), strict=True)
    return {spec.role: context.initializer(_transposed(blob)) for spec, blob in pairs}


def _transposed(parameter: Parameter) -> Parameter:
    """Return a matrix as (inputs, outputs), a bias as it is."""
    return replace(parameter, array=np.ascontiguousarray(parameter.array.T))


def _steps(
    context: Context, sequences: _Sequences, blobs: Mapping[str, Blob]
) -> Iterator[tuple[Blob, Blob]]:
    """Yield for each step what its inputs add to the gates, (1, N, …), and cont, (1, N, 1)."""
    x, cont = sequences.x, sequences.cont
    flat = context.reshape(x, (*x.shape[:2], prod(x.shape[2:])), part="x/flatten")
    z = _affine(context, flat, blobs, "x")
    if sequences.static is not None:
        rows, weight = sequences.static, blobs["static.weight"]
        flat = context.reshape(
            rows, (1, rows.shape[0], prod(rows.shape[1:])), part="static/flatten"
        )
        product = context.node("MatMul", [flat, weight], (1, *z.shape[1:]), part="static")
        z = context.node("Add", [z, product], z.shape, part="static/add")
    conts = context.reshape(cont, (*cont.shape, 1), part="cont")
    yield from zip(_parts(context, z, "z"), _parts(context, conts, "conts"), strict=True)


def _affine(context: Context, x: Blob, blobs: Mapping[str, Blob], part: str) -> Blob:
    weight, bias = blobs[f"{part}.weight"], blobs[f"{part}.bias"]
    shape = (*x.shape[:2], weight.shape[1])
    product = context.node("MatMul", [x, weight], shape, part=part)
    return context.node("Add", [product, bias], shape, part=f"{part}/add")


def _parts(context: Context, blob: Blob, part: str) -> tuple[Blob, ...]:
    """Return the steps of a blob, each as (1, …)."""
    steps = blob.shape[0]
    if steps == 1:
        return (blob,)
    sizes = context.integers([1] * steps, f"{part}/sizes")
    return context.nodes("Split", [blob, sizes], [(1, *blob.shape[1:])] * steps, {"axis": 0}, part)


def _with_state(
    context: Context, z: Blob, h: Blob | None, cont: Blob, weight: Blob, part: str
) -> Blob:
    """Return z + W_h·(cont · h); z alone where the state is 0."""
    if h is None:
        return z
    kept = context.node("Mul", [h, cont], h.shape, part=f"{part}kept_h")
    product = context.node("MatMul", [kept, weight], z.shape, part=f"{part}from_h")
    return context.node("Add", [z, product], z.shape, part=f"{part}gates")


def _unit(
    context: Context, gates: Blob, c: Blob | None, cont: Blob, part: str
) -> tuple[Blob, Blob]:
    """Return the next c and h; the c before is 0 where it is None."""
    size = gates.shape[-1] // 4
    step = (*gates.shape[:2], size)
    sizes = context.integers([size] * 4, "gates/sizes")
    raw = context.nodes("Split", [gates, sizes], [step] * 4, {"axis": 2}, f"{part}split")
    pairs = zip("ifog", ("Sigmoid", "Sigmoid", "Sigmoid", "Tanh"), raw, strict=True)
    i, f, o, g = (context.node(op, [x], step, part=f"{part}{name}") for name, op, x in pairs)
    new = context.node("Mul", [i, g], step, part=f"{part}new_c")
    if c is not None:
        keep = context.node("Mul", [f, cont], step, part=f"{part}keep")
        old = context.node("Mul", [keep, c], step, part=f"{part}old_c")
        new = context.node("Add", [old, new], step, part=f"{part}c")
    squashed = context.node("Tanh", [new], step, part=f"{part}squashed_c")
    return new, context.node("Mul", [o, squashed], step, part=f"{part}h")


def _joined(context: Context, steps: Sequence[Blob]) -> Blob:
    if len(steps) == 1:
        return steps[0]
    shape = (len(steps), *steps[0].shape[1:])
    return context.node("Concat", steps, shape, {"axis": 0}, "steps")
