import numpy as np
import pytest
from onnx import helper

from bridge.agreement import assert_agrees, model_of, one_node, rand

X = rand(3, 4, 6, 5)
LAST = 2**63 - 1


def ints(*items: int) -> np.ndarray:
    return np.array(items, np.int64)


@pytest.mark.parametrize("axis", [1, -1])
def test_concat(axis):
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Concat", ["x", "r", "x"], ["y"], axis=axis),
    ]
    assert_agrees(model_of(nodes, {"x": X}, {}), X)


def test_split_into_given_sizes():
    assert_agrees(one_node("Split", X, opset=11, outputs=2, axis=1, split=[1, 3]), X)
    assert_agrees(one_node("Split", X, ints(1, 3), opset=13, outputs=2, axis=1), X)


@pytest.mark.parametrize("outputs", [2, 3])
def test_split_into_equal_parts(outputs):
    assert_agrees(one_node("Split", X, opset=11, outputs=outputs, axis=2), X)
    assert_agrees(one_node("Split", X, opset=13, outputs=outputs, axis=-2), X)


def test_split_into_parts_of_which_the_last_is_smaller():
    assert_agrees(one_node("Split", X, opset=18, outputs=3, axis=3, num_outputs=3), X)


RANGES = {
    "one axis": ([1], [3], [1], [1]),
    "several axes": ([1, 0], [3, 4], [1, 2], [1, 1]),
    "negative": ([-3], [-1], [-1], [1]),
    "steps": ([0, 1], [LAST, LAST], [2, 3], [2, 3]),
    "beyond the end": ([2], [1000], [2], [1]),
    "first axis": ([1], [3], [0], [1]),
}


@pytest.mark.parametrize("limits", RANGES.values(), ids=RANGES.keys())
def test_slice(limits):
    assert_agrees(one_node("Slice", X, *(ints(*items) for items in limits)), X)


def test_slice_by_attributes():
    assert_agrees(one_node("Slice", X, opset=9, starts=[1, 2], ends=[3, LAST], axes=[1, 2]), X)
    assert_agrees(one_node("Slice", X, opset=9, starts=[0, 1], ends=[2, 3]), X)


@pytest.mark.parametrize("limits", [(-1, -LAST, -1), (4, 0, -2), (100, 1, -1)], ids=str)
@pytest.mark.parametrize("axis", [0, 2, -1])
def test_slice_backwards(axis, limits):
    start, end, step = (ints(x) for x in limits)
    model = one_node("Slice", X, start, end, ints(axis), step)
    assert_agrees(model, X)
    both = one_node("Slice", X, ints(-1, 1), ints(-LAST, 3), ints(2, 1), ints(-1, 1))
    assert_agrees(both, X)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(
    "indices", [ints(0, 2), ints(-1), np.array(1), ints(0, 1, 1, 0).reshape(2, 2)]
)
def test_gather(axis, indices):
    assert_agrees(one_node("Gather", X, indices, axis=axis), X)


def test_embedding():
    x = np.array([[1, 2], [0, 3]], np.int64)
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    assert_agrees(model_of([node], {"x": x}, {"table": rand(4, 3)}), x)


PADS = {
    "spatial": (0, 0, 1, 2, 0, 0, 0, 1),
    "channels": (0, 1, 0, 0, 0, 2, 0, 0),
    "all": (1, 1, 1, 1, 1, 1, 1, 1),
    "cropped": (0, 0, -1, 0, 0, 0, 0, -1),
}


@pytest.mark.parametrize("pads", PADS.values(), ids=PADS.keys())
def test_pad(pads):
    assert_agrees(one_node("Pad", X, opset=7, pads=pads, value=1.5), X)
    assert_agrees(one_node("Pad", X, ints(*pads), np.array(1.5, np.float32), opset=13), X)
    assert_agrees(one_node("Pad", X, ints(*pads), opset=13), X)


def test_pad_some_axes():
    assert_agrees(one_node("Pad", X, ints(1, 2, 3, 4), None, ints(-1, 1), opset=18), X)


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize("pads", [(0, 0, 1, 2, 0, 0, 0, 1), (0, 0, 1, 0, 0, 0, 1, 0)], ids=str)
def test_pad_with_copies(mode, pads):
    assert_agrees(one_node("Pad", X, ints(*pads), opset=19, mode=mode), X)


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
def test_pad_channels_with_copies(mode):
    pads = ints(0, 2, 1, 0, 0, 1, 3, 0)
    assert_agrees(one_node("Pad", X, pads, opset=19, mode=mode), X)


def test_cast_like():
    assert_agrees(one_node("CastLike", X, ints(1)), X)


@pytest.mark.parametrize("to", [1, 6, 7, 9, 11])
def test_cast(to):
    assert_agrees(one_node("Cast", X, to=to), X)
