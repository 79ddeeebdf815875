"""The plan: which tensors are coded, which of them together, and by which decoder."""

import numpy as np
import onnx
import pytest

from cortado.emit import emit
from cortado.model.onnx_io import serial
from cortado.storage.coded.layout import MANY_ENTRIES, make_layout
from cortado.storage.coded.pieces import Piece
from nets import build, decoded

VALUES = np.linspace(-1, 1, 16, dtype=np.float32)


def shared(shape, density=0.1, seed=0, values=VALUES):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < density, rng.choice(values, shape), np.float32(0))


def plan_of(**arrays):
    pieces = [Piece.of_array(name, np.asarray(array)) for name, array in arrays.items()]
    return make_layout([piece for piece in pieces if piece is not None])


def names(plan):
    """Return the names in the plan: of each decoder, of each section."""
    flat = [[[p.name for p in pieces] for pieces in sections] for sections in plan.flat]
    return flat, [piece.name for piece in plan.lanes]


def test_nothing_to_code():
    assert names(make_layout([])) == ([], [])


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).standard_normal((100, 60)).astype(np.float32),
        np.random.default_rng(0).standard_normal((10, 60)).astype(np.float32),
        np.random.default_rng(0).standard_normal(60).astype(np.float32),
        np.arange(4, dtype=np.float32),
        shared((100, 60)).astype(np.float64),
        np.zeros((100, 60), np.int64),
        np.zeros((0, 60), np.float32),
        np.array(0.5, np.float32),
    ],
    ids=["free", "few free", "bias", "small", "double", "integers", "empty", "scalar"],
)
def test_what_is_not_smaller_or_not_exact_is_left_out(array):
    assert names(plan_of(w=shared((100, 60)), other=array)) == ([[["w"]]], [])


def test_few_weights_among_many_zeros_are_smaller_sparse():
    """One of 100,000: no code of gaps and a codebook beats its index and value."""
    array = np.zeros((1000, 100), np.float32)
    array[500, 50] = 0.5
    free = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    scattered = np.zeros((200, 1000), np.float32)
    scattered.reshape(-1)[::50] = free
    assert names(plan_of(w=scattered)) == ([[["w"]]], [])  # half of its bytes are a codebook
    assert len(plan_of(w=array).flat) == 1


@pytest.mark.parametrize("value", [0, -0.5])
def test_a_large_tensor_of_one_value_is_that_value_and_a_shape(value):
    plan = plan_of(w=np.full((100, 60), value, np.float32))
    assert names(plan) == ([], [])
    assert [piece.name for piece in plan.filled] == ["w"]


def test_vectors_form_one_section():
    arrays = {
        "a": shared((100, 60)),
        "bias a": shared(100, seed=1),
        "b": shared((60, 40), seed=2),
        "bias b": shared(60, seed=3),
    }
    assert names(plan_of(**arrays)) == ([[["a"], ["bias a", "bias b"], ["b"]]], [])


def test_a_tensor_of_many_entries_goes_to_lanes():
    few, many = (np.zeros(MANY_ENTRIES + 100, np.float32) for _ in range(2))
    few[:MANY_ENTRIES] = many[: MANY_ENTRIES + 1] = 0.5
    plan = plan_of(few=few.reshape(2, -1), many=many.reshape(2, -1))
    assert names(plan) == ([[["few"]]], ["many"])


def test_no_flat_decoder_has_many_entries():
    """Each tensor of 60,000 gets a decoder of its own; together they would be too heavy."""
    arrays = {f"w{i}": shared((300, 400), 0.5, i) for i in range(3)}
    flat, lanes = names(plan_of(**arrays))
    assert (sorted(flat), lanes) == ([[["w0"]], [["w1"]], [["w2"]]], [])


def test_tensors_that_differ_have_decoders_of_their_own():
    dense = shared((200, 200), 1.0, 1, np.random.default_rng(0).random(256, np.float32))
    arrays = {f"sparse {i}": shared((800, 800), 0.01, i, VALUES[:2]) for i in range(2)}
    flat, lanes = names(plan_of(dense=dense, **arrays))
    assert (sorted(flat), lanes) == ([[["dense"]], [["sparse 0"], ["sparse 1"]]], [])


def test_a_file_is_coded_only_where_that_is_smaller():
    """The decoder alone takes a kilobyte: a small net is smaller without."""
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    forms = {}
    for side in (10, 100):
        sides = {"x": ["N", side]}, {"y": ["N", side]}
        model = decoded(build([node], {"w": shared((side, side))}, *sides))
        coded, sparse = emit(model, "coded"), emit(model, "sparse")
        assert len(coded.data) <= len(sparse.data)
        forms[side] = coded.tensors[0].storage
        serial.decode(coded.data, "the file")
    assert forms == {10: "sparse", 100: "coded"}
