import numpy as np
import pytest

from bridge.agreement import assert_agrees, assert_gradients, one_node, rand

X = rand(3, 4, 5)
OP_TYPES = ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"]
OP_TYPES += ["ReduceSumSquare", "ReduceLogSumExp"]


@pytest.mark.parametrize("op_type", OP_TYPES)
@pytest.mark.parametrize("axes", [[1], [1, 2], [-1], None], ids=str)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_axes_as_an_attribute(op_type, axes, keepdims):
    attributes = {} if axes is None else {"axes": axes}
    assert_agrees(one_node(op_type, X, opset=12, keepdims=keepdims, **attributes), X)


@pytest.mark.parametrize("op_type", OP_TYPES)
@pytest.mark.parametrize("axes", [[1], [1, 2], [-1], None], ids=str)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_axes_as_an_input(op_type, axes, keepdims):
    constants = [] if axes is None else [np.array(axes, np.int64)]
    assert_agrees(one_node(op_type, X, *constants, opset=18, keepdims=keepdims), X)


def test_no_axes_can_mean_nothing_to_do():
    assert_agrees(one_node("ReduceSum", X, opset=18, noop_with_empty_axes=1), X)


@pytest.mark.parametrize("op_type", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_positions(op_type, axis, keepdims):
    assert_agrees(one_node(op_type, X, axis=axis, keepdims=keepdims), X)


@pytest.mark.parametrize("op_type", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_equal_positions(op_type, axis, last, keepdims):
    x = np.round(X)
    attributes = {"axis": axis, "keepdims": keepdims, "select_last_index": last}
    assert_agrees(one_node(op_type, x, **attributes), x)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_running_sums(axis, exclusive, reverse):
    attributes = {"exclusive": exclusive, "reverse": reverse}
    model = one_node("CumSum", X, np.array(axis), opset=14, **attributes)
    assert_agrees(model, X)
    assert_gradients(model, X)


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_running_products(exclusive, reverse):
    attributes = {"exclusive": exclusive, "reverse": reverse}
    assert_agrees(one_node("CumProd", X, np.array(1), opset=26, **attributes), X)


@pytest.mark.parametrize("axes", [None, [0], [1, 2], [-1]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_products(axes, keepdims):
    attributes = {} if axes is None else {"axes": axes}
    assert_agrees(one_node("ReduceProd", X, opset=13, keepdims=keepdims, **attributes), X)


def test_logarithms_of_sums():
    x = np.abs(X) + 1
    assert_agrees(one_node("ReduceLogSum", x, opset=13, axes=[1]), x)
