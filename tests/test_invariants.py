"""What no pass may break is noticed where it is broken."""

import numpy as np
import pytest

from cortado.errors import CortadoError
from cortado.invariants import check_kept, check_zeros
from nets import matmul

ZEROS = np.array([[0, 1.5, -2], [3, 0, 0.5]], np.float32)
SHARED_VALUES = np.array([[0, 1, 2], [2, 0, 1]], np.float32)


def changed(array, *entries):
    copy = array.copy()
    for index, value in entries:
        copy[index] = value
    return matmul(copy)


@pytest.mark.parametrize("check", [check_zeros, check_kept])
@pytest.mark.parametrize("value", [1.0, -1e-45, np.nan])
def test_a_zero_that_comes_back_is_noticed(check, value):
    with pytest.raises(CortadoError, match="pruned weights of product came back"):
        check(matmul(ZEROS), changed(ZEROS, ((0, 0), value)))


@pytest.mark.parametrize("check", [check_zeros, check_kept])
def test_other_weights_may_change_and_become_zero(check):
    check(matmul(ZEROS), changed(ZEROS, ((0, 1), 7.0), ((1, 2), 0.0), ((0, 0), -0.0)))


def test_shared_values_that_split_are_noticed():
    split = changed(SHARED_VALUES, ((0, 2), np.nextafter(np.float32(2), np.float32(3))))
    check_zeros(matmul(SHARED_VALUES), split)
    with pytest.raises(CortadoError, match="shared values of product split up"):
        check_kept(matmul(SHARED_VALUES), split)


def test_shared_values_that_become_nan_are_noticed():
    with pytest.raises(CortadoError, match="shared values of product split up"):
        check_kept(
            matmul(SHARED_VALUES),
            matmul(np.where(SHARED_VALUES == 2, np.nan, SHARED_VALUES).astype(np.float32)),
        )


def test_shared_values_may_move_and_meet():
    moved = np.where(SHARED_VALUES == 2, np.float32(5), SHARED_VALUES)
    check_kept(matmul(SHARED_VALUES), matmul(moved))
    check_kept(matmul(SHARED_VALUES), matmul((SHARED_VALUES != 0).astype(np.float32)))
