"""Both decoders, run by onnxruntime: every bit of every tensor comes back."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.storage.coded.classes import MAX_WIDTH, best_widths
from cortado.storage.coded.flat_decoder import LONGEST_GAP, _write_numbers
from cortado.storage.coded.lane_entries import WINDOW
from cortado.storage.coded.lanes import MOST_ENTRIES
from cortado.storage.coded.layout import _MOST_VALUES as MOST_VALUES_OF_A_SECTION
from cortado.storage.coded.pieces import Piece
from cortado.storage.coded.writer import Writer
from storage.coded.decoding import LEVELS, flat_model, lanes_model, pieces_of, run

SPECIAL = [0.0, 0.0, 0.0, 0.0, 0.0, -0.0, 1.5, -2.25, np.inf, -np.inf, 1e-45]
DENSITIES = st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.5, 0.99, 1.0])
SHAPES = hnp.array_shapes(min_dims=1, max_dims=5, max_side=9)


@st.composite
def tensors(draw):
    """Draw a tensor of any density whose values are shared: 1 to 300 of them."""
    shape = draw(SHAPES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.standard_normal(draw(st.sampled_from([1, 2, 3, 16, 300]))).astype(np.float32)
    return np.where(rng.random(shape) < draw(DENSITIES), rng.choice(values, shape), np.float32(0))


def bits(array):
    return np.asarray(array).view(f"u{array.itemsize}")


def check(model, arrays, level=LEVELS.ORT_ENABLE_ALL):
    for found, array in zip(run(model, level), arrays, strict=True):
        assert (found.shape, found.dtype) == (array.shape, array.dtype)
        np.testing.assert_array_equal(bits(found), bits(array))


@given(st.lists(st.lists(tensors(), min_size=1, max_size=3), min_size=1, max_size=4))
@settings(deadline=None, max_examples=80)
def test_flat_gives_every_bit_back(groups):
    arrays = [array for group in groups for array in group]
    pieces = iter(pieces_of(arrays))
    check(flat_model([tuple(next(pieces) for _ in group) for group in groups]), arrays)


@given(tensors())
@settings(deadline=None, max_examples=40)
def test_lanes_give_every_bit_back(array):
    check(lanes_model(pieces_of([array])[0]), [array])


@given(hnp.arrays(np.float32, SHAPES, elements=st.sampled_from(SPECIAL)))
@settings(deadline=None, max_examples=30)
def test_negative_zeros_and_infinities_are_values(array):
    (piece,) = pieces_of([array])
    check(flat_model([(piece,)]), [array])
    check(lanes_model(piece), [array])


@pytest.mark.parametrize("level", [LEVELS.ORT_DISABLE_ALL, LEVELS.ORT_ENABLE_BASIC])
@pytest.mark.parametrize("opset", [13, 17, 18, 21, 24])
def test_every_optimisation_level_and_opset(level, opset):
    rng = np.random.default_rng(0)
    array = rng.choice(np.array([0, 0, 0, 0.5, -1], np.float32), (40, 30))
    (piece,) = pieces_of([array])
    check(flat_model([(piece,)], opset), [array], level)
    check(lanes_model(piece, opset), [array], level)


@pytest.mark.parametrize("cells", [1, 2, 63, 64, 65, 4096, 200_000])
def test_a_single_weight_at_either_end(cells):
    for place in {0, cells - 1}:
        array = np.zeros(cells, np.float32)
        array[place] = 3.5
        (piece,) = pieces_of([array])
        check(flat_model([(piece,)]), [array])
        check(lanes_model(piece), [array])


def test_gaps_beyond_the_longest_are_bridged_within_and_between_tensors():
    sizes = [100_000, 3, 70_000, 40_000]
    arrays = [np.zeros(size, np.float32) for size in sizes]
    arrays[0][[5, 90_000]] = 1, 2
    arrays[3][[39_999]] = 4
    pieces = pieces_of(arrays)
    check(flat_model([tuple(pieces[:2]), tuple(pieces[2:])]), arrays)
    check(flat_model([(piece,) for piece in pieces]), arrays)


def test_many_entries_in_lanes():
    rng = np.random.default_rng(1)
    values = np.linspace(-1, 1, 256, dtype=np.float32)
    array = np.where(rng.random((900, 700)) < 0.3, rng.choice(values, (900, 700)), np.float32(0))
    check(lanes_model(pieces_of([array])[0]), [array])


@pytest.mark.parametrize(
    "data_type",
    ["FLOAT16", "INT8", "UINT8", "INT4", "UINT4"],
)
@pytest.mark.parametrize("model_of", [lanes_model, lambda piece: flat_model([(piece,)])])
def test_other_types_are_cast_at_the_end(data_type, model_of):
    code = onnx.TensorProto.DataType.Value(data_type)
    rng = np.random.default_rng(0)
    array = rng.integers(0, 7, (50, 8)) * rng.integers(0, 2, (50, 8))
    tensor = onnx.numpy_helper.from_array(
        array.astype(onnx.helper.tensor_dtype_to_np_dtype(code)), "w"
    )
    model = model_of(Piece.of(tensor))
    assert model.graph.node[-1].op_type == "Cast"
    if data_type.endswith("4"):  # numpy knows no such type: look at what is cast
        model.graph.output[0].name = model.graph.node[-1].input[0]
        del model.graph.node[-1]
    np.testing.assert_array_equal(run(model, LEVELS.ORT_ENABLE_ALL)[0], array)


def test_numbers_stay_where_float32_is_exact():
    """Gaps and ranks are float32 numbers in the flat decoder, with all classes before their own."""
    largest = LONGEST_GAP + MOST_VALUES_OF_A_SECTION + 2 * 2**MAX_WIDTH
    assert largest < 2**24
    assert 7 + WINDOW <= 24  # bits of a window in lanes, which a convolution makes


def test_places_in_lanes_stay_in_int32():
    assert MOST_ENTRIES * WINDOW <= 2**31


def test_cells_beyond_two_to_the_31():
    """70,000 of the longest gaps: the numbers as decoded, and their running sum in int64."""
    gaps = np.full(70_000, LONGEST_GAP)
    writer = Writer(set())
    rows = [gaps, np.zeros_like(gaps)]
    numbers, _ = _write_numbers(writer, rows, [best_widths(np.bincount(row)) for row in rows])
    graph = onnx.helper.make_graph(writer.nodes, "numbers", [], [], writer.constants)
    graph.output.append(onnx.ValueInfoProto(name=numbers))
    opsets = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (found,) = run(model, LEVELS.ORT_DISABLE_ALL)
    cells = np.cumsum(found[0, 0, 0].astype(np.int64))
    np.testing.assert_array_equal(cells, np.cumsum(gaps + 1))
    assert cells[-1] > 2**31
