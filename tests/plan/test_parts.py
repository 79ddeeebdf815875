"""The parts of a planner: monotone fits, the knapsack, the budget."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from cortado.errors import UsageError
from cortado.plan import Budget, knapsack
from cortado.plan.knapsack import best_combinations
from cortado.stats.isotonic import isotonic_fit

values = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.1, 10)), min_size=1, max_size=12)
options = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=5)


@given(values)
def test_the_monotone_fit_is_that_of_scikit_learn(points):
    y, weights = zip(*points, strict=True)
    expected = IsotonicRegression().fit_transform(np.arange(len(y)), y, sample_weight=weights)
    assert isotonic_fit(y, weights) == pytest.approx(expected, abs=1e-9)


@given(st.lists(options, min_size=1, max_size=4), st.integers(1, 200))
def test_the_knapsack_finds_the_least_loss_for_every_budget(layers, budget):
    costs = [np.array([cost for cost, _ in layer], float) for layer in layers]
    losses = [np.array([loss for _, loss in layer], float) for layer in layers]
    found = [
        (
            sum(c[i] for c, i in zip(costs, row, strict=True)),
            sum(d[i] for d, i in zip(losses, row, strict=True)),
        )
        for row in best_combinations(costs, losses)
    ]
    assert found == sorted(found, key=lambda pair: (-pair[0], pair[1]))
    every = [(sum(c for c, _ in x), sum(d for _, d in x)) for x in itertools.product(*layers)]
    least = min((loss for cost, loss in every if cost <= budget), default=None)
    assert min((loss for cost, loss in found if cost <= budget), default=None) == least


def test_many_combinations_are_thinned_without_losing_much(monkeypatch):
    """What is left of a bin costs a bin's width more at most, with every layer that is joined."""
    rng = np.random.default_rng(0)
    costs = [rng.uniform(10, 100, 20) for _ in range(4)]
    losses = [rng.uniform(0.9, 1.1, 20) / cost for cost in costs]
    monkeypatch.setattr(knapsack, "_MOST", 10**9)
    exact = totals(best_combinations(costs, losses), costs, losses)
    monkeypatch.setattr(knapsack, "_MOST", 100)
    thin = totals(best_combinations(costs, losses), costs, losses)
    assert len(thin) <= 101 < len(exact)
    assert np.all(np.diff(thin[:, 0]) < 0)
    assert np.all(np.diff(thin[:, 1]) >= 0)
    bin_width = 10 ** (1 / 100)
    for cost, loss in exact:
        within = thin[:, 0] <= cost * bin_width ** len(costs)
        assert thin[within, 1].min() <= loss + 1e-12


def totals(found, costs, losses):
    """Return the cost and loss of each combination."""
    places = np.arange(len(costs))
    return np.array([np.array([costs, losses])[:, places, row].sum(axis=1) for row in found])


@pytest.mark.parametrize(
    "budget",
    [{}, {"target_bytes": 10, "target_sparsity": 0.5}, {"max_drop": -1}, {"target_bytes": 0}],
)
def test_budgets_that_contradict_or_say_nothing_are_refused(budget):
    with pytest.raises(UsageError):
        Budget(**budget)
