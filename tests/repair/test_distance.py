"""The distance to a reference beside that of NumPy over all images at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.errors import CortadoError
from cortado.repair.distance import relative_distance


@given(
    seed=st.integers(0, 99),
    cuts=st.lists(st.integers(1, 39), max_size=4, unique=True).map(sorted),
    shape=st.sampled_from([(), (3,), (2, 4, 4)]),
)
def test_batches_give_what_all_images_give_at_once(seed, cuts, shape):
    rng = np.random.default_rng(seed)
    wanted = rng.standard_normal((40, *shape)).astype(np.float32) + np.float32(5)
    found = wanted + rng.standard_normal((40, *shape)).astype(np.float32) + np.float32(0.5)
    error, varies = found - wanted, np.square(wanted - wanted.mean(axis=0)).sum()
    batches = [np.split(array, cuts) for array in (found, wanted)]
    expected = np.square(error).sum() / varies
    assert relative_distance(*batches) == pytest.approx(expected, rel=1e-4)
    expected = np.square(error - error.mean(axis=0)).sum() / varies
    assert relative_distance(*batches, centred=True) == pytest.approx(expected, rel=1e-4)


def test_the_mean_alone_is_at_1_and_the_same_at_0():
    wanted = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    mean = np.broadcast_to(wanted.mean(axis=0), wanted.shape)
    assert relative_distance([mean], [wanted]) == pytest.approx(1, rel=1e-6)
    assert relative_distance([wanted], [wanted]) == 0


def test_values_that_never_vary_are_met_or_missed():
    wanted = np.ones((9, 2), np.float32)
    assert relative_distance([wanted], [wanted]) == 0
    assert relative_distance([wanted + 1], [wanted]) == np.inf
    assert relative_distance([wanted + 1], [wanted], centred=True) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    wanted, found = np.ones((2, 9, 2), np.float32)
    found = np.where(np.eye(9, 2), value, found)
    with pytest.raises(CortadoError, match="NaN or infinite"):
        relative_distance([found], [wanted])
