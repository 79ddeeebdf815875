import numpy as np
import pytest

from bridge.agreement import assert_agrees, one_node, rand
from cortado.bridge import to_torch
from cortado.errors import CortadoError

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


def test_the_last_of_equal_positions_is_refused():
    with pytest.raises(CortadoError, match="select_last_index is not supported"):
        to_torch(one_node("ArgMax", X, select_last_index=1))
