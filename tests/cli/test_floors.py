"""``--floor``: the worst value of a metric, in its units and direction, in every command."""

import csv
import io
import json
import re

import numpy as np
import pytest

from cli.program import cortado, done, refused
from cortado.model.onnx_io import serial
from nets import mlp

RNG = np.random.default_rng(5)
X = RNG.standard_normal((60, 6)).astype(np.float32)
LEVELS = [0.2, 0.5, 0.8]
ERROR = "relative-error"


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """Give a net, another that is pruned, data with labels that it gets right, and sweeps."""
    folder = tmp_path_factory.mktemp("floors")
    (folder / "dense.onnx").write_bytes(serial.encode(mlp(sizes=(6, 12, 3))))
    done("prune", folder / "dense.onnx", "--sparsity", "0.5", "-q", "-o", folder / "pruned.onnx")
    np.savez(folder / "plain.npz", x=X)
    for metric in ("agreement", ERROR):
        done(*sweep(folder, metric), "-q", "-o", folder / f"{metric}.csv")
    return folder


def data(net, metric):
    return ("--data", net / "plain.npz", "--metric", metric)


def sweep(net, metric):
    rates = ",".join(map(str, LEVELS))
    return ("sensitivity", net / "dense.onnx", *data(net, metric), "--rates", rates)


def plan(net, metric, *options, measured=True):
    given = data(net, metric) if measured else ()
    return cortado(
        "plan", net / f"{metric}.csv", "--model", net / "dense.onnx", *given, *options, "-q"
    )


def expected(result):
    assert result.code == 0, result.stderr
    return json.loads(result.stdout)["expected"]


def points(net, metric):
    """Return layer → (level, value) of its points, gentle ones first."""
    found = {}
    for row in csv.DictReader(io.StringIO((net / f"{metric}.csv").read_text())):
        if row["treatment"] == "prune":
            found.setdefault(row["layer"], []).append((float(row["level"]), float(row["value"])))
    return {layer: sorted(pairs) for layer, pairs in found.items()}


def last_within(pairs, holds):
    """Return the level of the last point before the first that does not hold."""
    chosen = None
    for level, value in pairs:
        if not holds(value):
            break
        chosen = level
    return chosen


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize(("metric", "dense", "floor"), [("agreement", 1, 0.5), (ERROR, 0, 2)])
def test_a_plan_keeps_to_a_floor_as_to_the_drop_down_to_it(net, metric, dense, floor, measured):
    by_floor = expected(plan(net, metric, "--floor", floor, measured=measured))
    by_drop = expected(plan(net, metric, "--max-drop", abs(dense - floor), measured=measured))
    assert by_floor == by_drop
    assert 0 < by_floor["drop_high"] <= abs(dense - floor)


def test_the_stricter_of_a_drop_and_a_floor_counts(net):
    strict = expected(plan(net, ERROR, "--max-drop", "0.2"))
    assert expected(plan(net, ERROR, "--max-drop", "0.2", "--floor", "0.5")) == strict
    assert expected(plan(net, ERROR, "--floor", "0.5"))["bytes"] < strict["bytes"]


def test_a_plan_of_a_target_keeps_to_the_floor_too(net):
    target = ("--target-sparsity", "0.6")
    found = expected(plan(net, ERROR, *target))
    assert expected(plan(net, ERROR, *target, "--floor", found["drop_high"] + 0.01)) == found
    result = plan(net, ERROR, *target, "--floor", found["drop_high"] - 0.01)
    assert refused(result, 3, "plan", "at this target")


def test_a_floor_that_the_dense_model_misses_is_refused(net):
    words = ("the agreement of the dense model is 1.0000, worse than the floor of 1.5",)
    assert refused(plan(net, "agreement", "--floor", "1.5"), 3, "plan", *words)
    words = ("the relative-error of the dense model is 0.0000, worse than the floor of -0.1",)
    assert refused(plan(net, ERROR, "--floor", "-0.1"), 3, "plan", *words)


@pytest.mark.parametrize(
    ("metric", "worse", "side"), [("agreement", 0.01, "below"), (ERROR, -0.01, "above")]
)
def test_validate_refuses_a_file_beyond_the_floor(net, metric, worse, side):
    options = ("validate", net / "pruned.onnx", "--reference", net / "dense.onnx")
    options += data(net, metric)
    found = json.loads(done(*options, "--json", "-"))["model"][0]["value"]
    done(*options, "--floor", found, "-q")
    done(*options, "--floor", found - worse, "-q")
    result = cortado(*options, "--floor", found + worse, "-q")
    assert result.code == 3
    assert f"{metric} is {found:.4f} on CPU" in result.stderr
    assert f"{side} the floor of {found + worse:g}" in result.stderr


def test_a_floor_of_validate_needs_data_but_no_reference(net, tmp_path):
    model = net / "dense.onnx"
    assert refused(cortado("validate", model, "--floor", "1"), 2, "validate", "--floor", "--data")
    path = tmp_path / "arrays.npz"
    np.savez(path, x=X, target=RNG.standard_normal((60, 3)).astype(np.float32))
    options = ("validate", model, "--data", path, "--metric", "mse")
    found = json.loads(done(*options, "--json", "-"))["model"][0]["value"]
    done(*options, "--floor", found + 0.1)
    assert "mse is" in cortado(*options, "--floor", found - 0.1).stderr


@pytest.mark.parametrize(
    ("metric", "floor", "heading", "sentence"),
    [
        ("agreement", 0.8, "at least 0.8", "before the agreement falls below 0.8."),
        (ERROR, 0.3, "at most 0.3", "before the relative-error rises above 0.3."),
    ],
)
def test_the_marks_of_a_sweep_follow_the_floor(net, tmp_path, metric, floor, heading, sentence):
    page = tmp_path / "page.html"
    options = ("--floor", floor, "-o", tmp_path / "s.csv", "--report", page)
    summary = cortado(*sweep(net, metric), *options).stderr
    assert heading in summary
    assert "within" not in summary
    holds = (lambda value: value >= floor) if metric == "agreement" else (lambda v: v <= floor)
    for layer, pairs in points(net, metric).items():
        chosen = last_within(pairs, holds)
        (line,) = re.findall(rf"^{layer} +prune +(\S+)", summary, re.MULTILINE)
        assert line == ("none" if chosen is None else f"{chosen:.2%}")
    assert sentence in " ".join(page.read_text().split())


def test_a_drop_beside_the_floor_is_marked_too(net, tmp_path):
    page = tmp_path / "page.html"
    options = ("--floor", "0.3", "--max-drop", "0.2", "-o", tmp_path / "s.csv", "--report", page)
    assert "within 0.2, at most 0.3" in cortado(*sweep(net, ERROR), *options).stderr
    text = " ".join(page.read_text().split())
    assert "the relative-error worsens by more than 0.2 or rises above 0.3." in text


def test_without_a_floor_fractions_have_their_usual_mark_and_others_none(net, tmp_path):
    summary = cortado(*sweep(net, "agreement"), "-o", tmp_path / "a.csv").stderr
    assert "within 0.005" in summary
    assert "prune" not in cortado(*sweep(net, ERROR), "-o", tmp_path / "b.csv").stderr


@pytest.mark.parametrize(("metric", "floor"), [("agreement", "1.5"), (ERROR, "-0.1")])
def test_compress_refuses_a_floor_that_the_dense_model_misses(net, tmp_path, metric, floor):
    path = tmp_path / "small.onnx"
    options = (*data(net, metric), "--no-train", "--effort", "quick", "--floor", floor, "-q")
    result = cortado("compress", net / "dense.onnx", *options, "-o", path)
    assert refused(result, 3, "compress", f"the {metric} of the dense model is", "validation")
    assert not path.exists()
