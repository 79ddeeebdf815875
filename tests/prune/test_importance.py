"""Scores against their definitions, written as loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.prune.importance import importance

WEIGHTS = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
WITH_ZEROS = np.where(np.abs(WEIGHTS) > 0.5, WEIGHTS, np.float32(0))
METHODS = ["magnitude", "random-below", "std", "lamp"]


def lamp(weights):
    """Lee et al. 2021, equation 3: u's square over those of all weights that come after it."""
    flat = [float(w) for w in weights.reshape(-1)]
    order = sorted(range(len(flat)), key=lambda i: (abs(flat[i]), i))
    scores = [0.0] * len(flat)
    for rank, u in enumerate(order):
        rest = sum(flat[v] ** 2 for v in order[rank:])
        scores[u] = flat[u] ** 2 / rest if rest else 0.0
    return np.array(scores).reshape(weights.shape)


@pytest.mark.parametrize("weights", [WEIGHTS, WITH_ZEROS, np.zeros((2, 2), np.float32)])
def test_lamp_is_its_definition(weights):
    np.testing.assert_allclose(importance(weights, "lamp"), lamp(weights), rtol=1e-12)


def test_the_largest_weight_of_a_layer_has_a_lamp_score_of_one():
    assert importance(WEIGHTS, "lamp").max() == 1.0


def test_lamp_survives_weights_whose_squares_vanish_in_single_precision():
    tiny = np.array([1e-30, 2e-30, 0], np.float32)
    np.testing.assert_allclose(importance(tiny, "lamp"), [0.2, 1, 0], rtol=1e-6)


@pytest.mark.parametrize("method", ["magnitude", "random-below"])
def test_magnitude_is_the_absolute_value(method):
    np.testing.assert_array_equal(importance(WEIGHTS, method), np.abs(WEIGHTS))


def test_std_divides_by_the_deviation_of_the_surviving_weights():
    survivors = [float(w) for w in WITH_ZEROS.reshape(-1) if w]
    mean = sum(survivors) / len(survivors)
    deviation = (sum((w - mean) ** 2 for w in survivors) / len(survivors)) ** 0.5
    expected = np.abs(WITH_ZEROS) / deviation
    np.testing.assert_allclose(importance(WITH_ZEROS, "std"), expected, rtol=1e-6)


@pytest.mark.parametrize("weights", [[0.0, 0.0], [0.0, 3.0], [2.0, 2.0]])
def test_std_survives_layers_without_deviation(weights):
    array = np.array(weights, np.float32)
    np.testing.assert_array_equal(importance(array, "std"), array)


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(max_dims=3, max_side=5),
        elements=st.floats(-100, 100, width=32, allow_subnormal=False),
    ),
    st.sampled_from(METHODS),
)
def test_scores_rank_weights_by_magnitude_and_zeros_score_zero(weights, method):
    scores = importance(weights, method).reshape(-1)
    magnitudes = np.abs(weights).reshape(-1)
    assert (scores >= 0).all()
    assert (scores[magnitudes == 0] == 0).all()
    order = np.argsort(magnitudes, kind="stable")
    assert (np.diff(scores[order]) >= -1e-12).all()
