"""Moments of rows against plain sums in float64, and what they take in memory."""

import tracemalloc

import numpy as np
import pytest

from cortado.repair import moments
from cortado.repair.moments import measure_moments


def rows(count, groups, inputs, outputs):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, groups, inputs), dtype=np.float32)
    return x, rng.standard_normal((count, groups * outputs), dtype=np.float32)


@pytest.mark.parametrize("most", [1, 500, 2**24])
def test_moments_are_means_of_products_however_many_groups_are_summed_at_once(most, monkeypatch):
    monkeypatch.setattr(moments, "_MOST_ELEMENTS", most)
    x, y = rows(30, 7, 4, 2)
    found = measure_moments([(x[:20], y[:20]), (x[20:], y[20:])])
    whole = np.concatenate([x, np.ones((30, 7, 1))], axis=2).astype(np.float64)
    by_group = y.reshape(30, 7, 2).astype(np.float64)
    inputs = np.einsum("ngi,ngj->gij", whole, whole) / 30
    cross = np.einsum("ngo,ngj->goj", by_group, whole).reshape(14, 5) / 30
    np.testing.assert_allclose(found.inputs, inputs, atol=1e-6)
    np.testing.assert_allclose(found.cross, cross, atol=1e-6)


def test_rows_of_many_groups_are_never_copied_all_at_once(monkeypatch):
    monkeypatch.setattr(moments, "_MOST_ELEMENTS", 2**18)
    x, y = rows(1000, 200, 25, 1)
    tracemalloc.start()
    measure_moments([(x, y)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 2
