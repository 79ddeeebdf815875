"""Each metric beside numpy, through the command line, on a small net that numpy computes too."""

import csv
import io
import json

import numpy as np
import pytest

from cli.program import cortado, done, refused
from cortado.model.onnx_io import serial
from nets import mlp, weight

RNG = np.random.default_rng(3)
COUNT = 40
X = RNG.standard_normal((COUNT, 6)).astype(np.float32)
LABELS = RNG.integers(0, 3, COUNT)
ARRAYS = RNG.standard_normal((COUNT, 3)).astype(np.float32)


def outputs_of(model):
    """Return what the net gives, by numpy alone."""
    hidden = np.maximum(X @ weight(model, "fc1.weight").T + weight(model, "fc1.bias"), 0)
    return (hidden @ weight(model, "fc2.weight").T + weight(model, "fc2.bias")).astype(np.float64)


DENSE, OTHER = outputs_of(mlp()), outputs_of(mlp(seed=1))


def top(k):
    return lambda a, labels: np.mean(
        [label in np.argsort(-row)[:k] for row, label in zip(a, labels, strict=True)]
    )


def cross_entropy(a, labels):
    logs = a - np.log(np.exp(a).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(a)), labels].mean()


def kl(a, b):
    p, q = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (b, a))
    return (p * np.log(p / q)).sum(axis=1).mean()


def cosine(a, b):
    return np.mean((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


def mse(a, b):
    return np.mean((a - b) ** 2)


def psnr(peak=None):
    def measure(a, b):
        peaks = np.ptp(b, axis=1) if peak is None else peak
        return np.mean(10 * np.log10(peaks**2 / ((a - b) ** 2).mean(axis=1)))

    return measure


def iou(threshold):
    def measure(a, b):
        return ((a > threshold) & (b > threshold)).sum() / ((a > threshold) | (b > threshold)).sum()

    return measure


def relative_error(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def agreement(a, b):
    return np.mean(a.argmax(axis=1) == b.argmax(axis=1))


OF_LABELS = {"accuracy": top(1), "top-2": top(2), "cross-entropy": cross_entropy}
OF_ARRAYS = {"mse": mse, "cosine": cosine, "psnr": psnr(), "psnr@9": psnr(9)}
OF_OUTPUTS = OF_ARRAYS | {
    "kl": kl,
    "relative-error": relative_error,
    "agreement": agreement,
    "iou": iou(0.5),
    "iou@0.3": iou(0.3),
}
CASES = [
    *[(name, "labels.npz", f, LABELS) for name, f in OF_LABELS.items()],
    *[(name, "arrays.npz", f, ARRAYS.astype(float)) for name, f in OF_ARRAYS.items()],
    *[(name, "plain.npz", f, DENSE) for name, f in OF_OUTPUTS.items()],
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    (folder / "dense.onnx").write_bytes(serial.encode(mlp()))
    (folder / "other.onnx").write_bytes(serial.encode(mlp(seed=1)))
    for name, targets in (("labels", LABELS), ("arrays", ARRAYS)):
        parts = {"x_train": X, "y_train": targets, "x_test": X, "y_test": targets}
        np.savez(folder / f"{name}.npz", **parts)
    np.savez(folder / "plain.npz", x=X)
    return folder


@pytest.mark.parametrize(("name", "data", "measure", "wanted"), CASES)
def test_evaluate_and_validate_measure_what_numpy_does(place, name, data, measure, wanted):
    options = (place / "other.onnx", "--reference", place / "dense.onnx", "--metric", name)
    expected = measure(OTHER, wanted)
    found = json.loads(done("evaluate", *options, "--data", place / data, "-q", "--json", "-"))
    assert found["metric"] == name
    assert found["value"] == pytest.approx(expected, rel=1e-4)
    report = json.loads(done("validate", *options, "--data", place / data, "-q", "--json", "-"))
    (model,) = report["model"]
    assert (model["metric"], model["samples"]) == (name, COUNT)
    assert model["value"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_labels_are_not_arrays_and_the_dense_model_is_compared_with(place, name):
    """The command says so, and measures what it does without labels."""
    options = (place / "other.onnx", "--metric", name, "--data", place / "labels.npz")
    words = ("does not take labels (integers of classes) of the output y", "--reference")
    assert refused(cortado("evaluate", *options), 2, "evaluate", f"the metric {name}", *words)
    reference = ("--reference", place / "dense.onnx")
    found = cortado("evaluate", *options, *reference, "--json", "-")
    assert words[0] in found.stderr
    assert "it compares with the dense model" in found.stderr
    expected = OF_ARRAYS[name](OTHER, DENSE)
    assert json.loads(found.stdout)["value"] == pytest.approx(expected, rel=1e-4)


def test_a_metric_of_labels_does_not_take_arrays(place):
    options = (place / "dense.onnx", "--data", place / "arrays.npz", "--metric", "accuracy")
    words = ("accuracy needs labels", "arrays of the output's shape of the output y, float32")
    assert refused(cortado("evaluate", *options), 1, "evaluate", *words)


@pytest.mark.parametrize("name", ["top-0", "top-2.5", "iou@2", "accuracy@3", "cer@1", "psnr@0"])
def test_a_number_that_makes_no_sense_is_one_line(place, name):
    options = (place / "dense.onnx", "--data", place / "labels.npz", "--metric", name)
    assert refused(cortado("evaluate", *options), 2, "evaluate", name)


def test_tables_name_the_number_of_a_metric_and_plans_measure_by_it(place, tmp_path):
    """A plan takes its metric from the table: with another peak it would refuse it."""
    table, pages = tmp_path / "sweep.csv", (tmp_path / "page.html", tmp_path / "curves.png")
    data = ("--data", place / "plain.npz", "--split", "all")
    done(
        "sensitivity", place / "dense.onnx", *data, "--metric", "psnr@9", "--rates", "0.2,0.5,0.9",
        "-q", "-o", table, "--report", pages[0], "--plot", pages[1],
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert {row["metric"] for row in rows} == {"psnr@9"}
    assert rows[0]["layer"] == "*"
    assert float(rows[0]["value"]) == 100
    assert "PSNR@9 by " in pages[0].read_text()
    plan = json.loads(
        done("plan", table, "--model", place / "dense.onnx", *data, "--max-drop", "90", "-q")
    )
    assert plan["expected"]["metric"] == "psnr@9"
    assert 0 < plan["expected"]["drop"] <= plan["expected"]["drop_high"] <= 90


def test_headings_keep_acronyms_in_capitals(place):
    options = ("--data", place / "arrays.npz", "--metric", "mse", "-q")
    table = done("evaluate", place / "dense.onnx", place / "other.onnx", *options).decode()
    assert " MSE " in table.splitlines()[0]
