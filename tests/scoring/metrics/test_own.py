"""Metrics of the user's own, by name and by registration."""

import sys

import numpy as np
import pytest

from cortado.errors import CortadoError, UsageError
from cortado.scoring.metrics import Scored, make_metric, metric_names, register_metric
from cortado.scoring.metrics.registry import _METRICS
from cortado.scoring.metrics.relative import RelativeError
from cortado.task.outputs import Scores

MODULE = """
import numpy as np
def close(outputs, targets): return np.abs(outputs["y"] - targets["y"]).max(axis=1)
close.higher_is_better = False
def broken(outputs, targets): raise ValueError("no such thing")
def scalar(outputs, targets): return 1.0
def undefined(outputs, targets): return np.full(len(outputs["y"]), np.nan)
def odd(outputs, targets): return np.ones(3)
odd.against = "nothing"
number = 7
"""
SCORED = Scored((Scores("y", "y", "none", rank=2),), {"y": np.zeros((1, 2), np.float32)})
FOUND, WANTED = np.random.default_rng(0).standard_normal((2, 3, 2))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of metrics to the working directory; return its name."""
    name = "my_metrics_of_this_test"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield name
    sys.modules.pop(name, None)


def test_a_function_is_a_metric_with_its_own_direction(module):
    metric = make_metric(f"{module}:close", SCORED)
    assert (metric.name, metric.higher_is_better, metric.against) == ("close", False, "targets")
    parts = metric.parts({"y": FOUND}, {"y": WANTED})
    assert metric.value(parts) == pytest.approx(np.abs(FOUND - WANTED).max(axis=1).mean())


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("broken", "raised ValueError: no such thing"),
        ("scalar", r"returned the shape \(\) for 3 samples, not one number each"),
        ("undefined", "returned NaN or an infinite number"),
    ],
)
def test_a_function_that_fails_is_named_in_one_line(function, message, module):
    metric = make_metric(f"{module}:{function}", SCORED)
    with pytest.raises(CortadoError, match=f"--metric {module}:{function} {message}"):
        metric.parts({"y": FOUND}, {"y": WANTED})


@pytest.mark.parametrize("function", ["missing", "number"])
def test_what_is_no_function_is_refused(function, module):
    with pytest.raises(CortadoError, match=f"cannot be imported: {module} has no callable"):
        make_metric(f"{module}:{function}", SCORED)


def test_attributes_that_make_no_sense_are_refused(module):
    with pytest.raises(UsageError, match="against is 'nothing', not targets or reference"):
        make_metric(f"{module}:odd", SCORED)


def test_a_metric_is_registered_from_outside(monkeypatch):
    monkeypatch.delitem(_METRICS, "noise", raising=False)
    register_metric("noise", lambda scored, _: RelativeError(scored.names))
    try:
        assert "noise" in metric_names()
        metric = make_metric("noise", SCORED)
        assert metric.value(metric.parts({"y": FOUND}, {"y": FOUND})) == 0
    finally:
        del _METRICS["noise"]
