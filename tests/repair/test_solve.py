"""Least squares on a support equal those of NumPy and scikit-learn, output by output."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.linear_model import Ridge

from cortado.repair import solve
from cortado.repair.fit import Linear, fit
from cortado.repair.moments import measure_moments
from cortado.repair.solve import solve_on_support


def rows(count=60, groups=1, width=7, outputs=6, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, groups, width)) @ rng.standard_normal((width, width)) + 0.5
    y = rng.standard_normal((count, outputs)) + x[:, :, :2].sum(axis=(1, 2))[:, None] + 3
    return x.astype(np.float32), y.astype(np.float32)


def ridge(x, y, old, support, damping):
    """Return weights and bias of one output, as scikit-learn has them.

    A draw to the old weights instead of to zero is a ridge on what the old weights leave.
    """
    kept = support[:-1]
    result = np.where(support, 0, old).astype(np.float64)
    spread = x.var(axis=0, dtype=np.float64).mean()
    left = y - x[:, kept] @ old[:-1][kept] - (0 if support[-1] else old[-1])
    if kept.any():
        model = Ridge(alpha=damping * spread * len(x), fit_intercept=bool(support[-1]))
        model.fit(x[:, kept].astype(np.float64), left.astype(np.float64))
        result[:-1][kept] = model.coef_ + old[:-1][kept]
        bias = float(model.intercept_)
    else:
        bias = left.mean()
    if support[-1]:
        result[-1] = bias
    return result


@given(
    hnp.arrays(bool, (6, 8)),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([0.001, 0.01, 1.0]),
    st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_each_output_gets_what_ridge_regression_gives(support, groups, damping, seed):
    x, y = rows(groups=groups, seed=seed)
    old = np.random.default_rng(seed).standard_normal((6, 8))
    old[:, :-1][~support[:, :-1]] = 0
    moments = measure_moments([(x[:20], y[:20]), (x[20:], y[20:])])
    found = solve_on_support(moments, old, support, damping)
    for output in range(6):
        own = x[:, output // (6 // groups)]
        expected = ridge(own, y[:, output], old[output], support[output], damping)
        np.testing.assert_allclose(found[output], expected, rtol=2e-3, atol=2e-3)


def test_small_chunks_give_the_same(monkeypatch):
    x, y = rows(outputs=24)
    rng = np.random.default_rng(1)
    support = rng.random((24, 8)) < rng.random((24, 1))
    old = np.where(support, rng.standard_normal((24, 8)), 0)
    moments = measure_moments([(x, y)])
    whole = solve_on_support(moments, old, support, 0.01)
    monkeypatch.setattr(solve, "_CHUNK", 100)
    np.testing.assert_allclose(solve_on_support(moments, old, support, 0.01), whole, atol=1e-10)


def test_inputs_that_never_vary_leave_their_weights():
    x, y = np.zeros((30, 1, 4), np.float32), rows(30)[1]
    old = np.random.default_rng(0).standard_normal((6, 5))
    moments = measure_moments([(x, y)])
    found = solve_on_support(moments, old, np.ones((6, 5), bool), 0.01)
    np.testing.assert_allclose(found[:, :-1], old[:, :-1])
    np.testing.assert_allclose(found[:, -1], y.mean(axis=0), rtol=1e-6)


def linear(seed=0, outputs=6, width=7):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((outputs, width)).astype(np.float32)
    return Linear(matrix, rng.standard_normal(outputs).astype(np.float32))


def test_a_layer_that_can_be_met_is_met():
    x, _ = rows(200)
    true = linear(1)
    wrong = Linear(true.matrix + np.float32(0.5), true.bias - 1)
    found, kind = fit(measure_moments([(x, true(x))]), wrong, np.ones(6, bool), 1e-6)
    assert kind == "weights"
    np.testing.assert_allclose(found.matrix, true.matrix, atol=1e-2)
    np.testing.assert_allclose(found(x), true(x), atol=5e-2)


def brute_force(x, y, old, labels, count, damping):
    """Return values and biases by one large least squares problem, a row an image and output."""
    outputs, n = len(old.matrix), len(x)
    design = np.zeros((n, outputs, count + outputs))
    for value in range(count):
        design[:, :, value] = x @ (labels == value).T
    design[:, np.arange(outputs), count + np.arange(outputs)] = 1
    design = design.reshape(n * outputs, -1).astype(np.float64) / np.sqrt(n)
    target = y.reshape(-1).astype(np.float64) / np.sqrt(n)
    centred = x - x.mean(axis=0)
    diagonal = [
        sum(float((centred @ (labels[o] == value)).var()) for o in range(outputs))
        for value in range(count)
    ]
    strength = damping * np.mean(diagonal)
    values = np.array([old.matrix[labels == value][0] for value in range(count)])
    damp = np.sqrt(strength) * np.eye(count, count + outputs)
    system = np.concatenate([design, damp])
    right = np.concatenate([target, np.sqrt(strength) * values])
    return np.linalg.lstsq(system, right, rcond=None)[0]


@pytest.mark.parametrize("seed", range(4))
def test_shared_values_are_those_of_one_large_problem(seed):
    x, y = rows(80, seed=seed)
    labels = np.random.default_rng(seed).integers(0, 4, (6, 7))  # 3 stands for zero
    codebook = np.array([-0.53, 0.21, 0.72, 0], np.float32)
    old = Linear(codebook[labels], linear(seed).bias)
    found, kind = fit(measure_moments([(x, y)]), old, np.ones(6, bool), 0.01)
    assert kind == "values"
    expected = brute_force(x[:, 0], y, old, labels, 3, 0.01)
    np.testing.assert_allclose(found.matrix, np.append(expected[:3], 0)[labels], rtol=1e-3)
    np.testing.assert_allclose(found.bias, expected[3:], rtol=1e-3, atol=1e-3)
    assert len(np.unique(found.matrix)) == len(np.unique(old.matrix))


def test_a_uniform_grid_stays_one():
    x, _ = rows(200)
    integers = np.random.default_rng(0).integers(-7, 8, (6, 7)).astype(np.float32)
    true = Linear(integers * np.float32(0.125), linear().bias)
    old = Linear(integers * np.float32(0.1), np.zeros(6, np.float32))
    found, kind = fit(measure_moments([(x, true(x))]), old, np.ones(6, bool), 1e-6)
    assert kind == "step"
    nonzero = integers != 0
    steps = found.matrix[nonzero] / integers[nonzero]
    np.testing.assert_allclose(steps, 0.125, rtol=1e-4)
    assert np.array_equal(found.matrix, integers * steps[np.abs(integers[nonzero]) == 1][0])


def test_biases_that_must_stay_do():
    x, y = rows()
    free = np.array([True, False] * 3)
    for old in (linear(), Linear(np.sign(linear().matrix) * np.float32(0.3), linear().bias)):
        found, _ = fit(measure_moments([(x, y)]), old, free, 0.01)
        assert np.array_equal(found.bias[~free], old.bias[~free])
        mean = (y - found(x)).mean(axis=0)
        np.testing.assert_allclose(mean[free], 0, atol=1e-4)
