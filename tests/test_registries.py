"""One metric, loss, form of data, treatment and codec, each from outside by one call, and used."""

import csv
import io
import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from cli.program import cortado, done, refused
from cortado.data import forms
from cortado.data.samples import TARGET, ArraySamples
from cortado.emit import emit
from cortado.model.onnx_io import serial
from cortado.retrain import losses as torch_losses
from cortado.runtime import Runtime
from cortado.scoring.losses import registry as losses
from cortado.scoring.metrics import registry as metrics
from cortado.storage import registry as codecs
from cortado.treatments import registry as treatments
from nets import mlp, weight
from storage.outside import Halved
from treatments.outside import Rounding

REGISTRIES = [
    (metrics, "_METRICS"),
    (losses, "_LOSSES"),
    (torch_losses, "_LOSSES"),
    (forms, "_FORMS"),
    (treatments, "_TREATMENTS"),
    (codecs, "_CODECS"),
]


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    """Keep what a test registers from the others."""
    for module, name in REGISTRIES:
        monkeypatch.setattr(module, name, dict(getattr(module, name)))


@pytest.fixture
def dense(tmp_path):
    path = tmp_path / "dense.onnx"
    path.write_bytes(serial.encode(mlp(sizes=(6, 40, 3))))
    return path


def points(count=60):
    rng = np.random.default_rng(0)
    inputs = {"x": rng.standard_normal((count, 6)).astype(np.float32)}
    return ArraySamples(inputs, {TARGET: rng.integers(0, 3, count)})


class Margin:
    """By how much the score of the label is above the largest of the others."""

    name, kind, higher_is_better, against = "margin", "mean", True, "targets"
    usual_drop = 0.25

    def parts(self, found, wanted):
        scores, labels = found["y"], wanted["y"]
        own = scores[np.arange(len(labels)), labels]
        others = np.where(np.eye(scores.shape[1])[labels] > 0, -np.inf, scores)
        return (own - others.max(axis=1))[:, None].astype(np.float64)

    def value(self, parts):
        return float(parts.mean())


def test_a_form_of_data_is_opened_by_the_commands(dense):
    assert refused(cortado("evaluate", dense, "--data", "points"), 1, "evaluate", "points")
    forms.register(forms.DataForm("points", lambda spec: spec == "points", lambda *_: points()))
    assert b" of 60 " in done("evaluate", dense, "--data", "points", "--split", "all")
    assert b"\n*,dense," in done("sensitivity", dense, "--data", "points", "-q")


def test_a_metric_is_measured_and_swept(dense, tmp_path):
    forms.register(forms.DataForm("points", lambda spec: spec == "points", lambda *_: points()))
    options = (dense, "--data", "points", "--metric", "margin")
    assert refused(cortado("evaluate", *options), 2, "evaluate", "there is no metric 'margin'")
    metrics.register_metric("margin", lambda scored, number: Margin())
    report = tmp_path / "report.json"
    done("evaluate", *options, "--split", "all", "-q", "--json", report)
    whole = points().take(np.arange(60))
    scores = run(dense, whole.inputs)
    expected = Margin().parts({"y": scores}, {"y": whole.targets[TARGET]}).mean()
    assert json.loads(report.read_text())["value"] == pytest.approx(expected, rel=1e-5)
    swept = cortado("sensitivity", *options, "--rates", "0.5,0.9")
    assert "within 0.25" in swept.stderr
    rows = table(swept.stdout)
    assert {row["metric"] for row in rows} == {"margin"}


def test_a_treatment_is_swept_and_planned(dense, tmp_path):
    forms.register(forms.DataForm("points", lambda spec: spec == "points", lambda *_: points()))
    sweep = ("sensitivity", dense, "--data", "points", "--treatment", "rounding", "-q")
    assert refused(cortado(*sweep), 2, "sensitivity", "there is no treatment 'rounding'")
    treatments.register(Rounding())
    path = tmp_path / "sweep.csv"
    done(*sweep, "-o", path)
    assert {row["level"] for row in table(path.read_bytes())[1:]} == {"3", "4", "6"}
    budget = ("--target-bytes", "500")
    plan = json.loads(done("plan", path, "--model", dense, *budget, "-q"))
    assert any("rounding" in layer["treatments"] for layer in plan["layers"])


def test_a_loss_is_trained_by_and_measured(dense, tmp_path):
    forms.register(forms.DataForm("points", lambda spec: spec == "points", lambda *_: points()))
    options = (dense, "--data", "points", "--loss", "quartic", "--epochs", "3", "-q")
    assert refused(cortado("retrain", *options), 2, "retrain", "there is no loss 'quartic'")
    torch_losses.register_loss(
        "quartic",
        lambda term, scores, labels: (float(np.sum((scores - labels[:, None]) ** 4)), len(labels)),
        lambda term, scores, labels: ((scores - labels[:, None]) ** 4).sum() / len(labels),
    )
    report = tmp_path / "report.json"
    done("retrain", *options, "--json", report)
    epochs = [epoch["train_loss"] for epoch in json.loads(report.read_text())["epochs"]]
    assert epochs[-1] < epochs[0]


def test_a_codec_stores_a_file_that_onnxruntime_and_cortado_read(dense):
    codecs.register(Halved())
    model = serial.decode(dense.read_bytes(), "the model")
    rounded = serial.decode(halved(dense.read_bytes()), "the model")
    emitted = emit(rounded, "halved")
    assert {tensor.storage for tensor in emitted.tensors} == {"halved"}
    assert len(emitted.data) < len(emit(model, "dense").data) - 500
    back = serial.decode(emitted.data, "the file")
    np.testing.assert_array_equal(weight(back, "fc1.weight"), weight(rounded, "fc1.weight"))
    dense.write_bytes(serial.encode(rounded))
    again = serial.decode(done("emit", dense, "--storage", "halved"), "the file")
    np.testing.assert_array_equal(weight(again, "fc1.weight"), weight(rounded, "fc1.weight"))


def halved(data):
    """Return a file whose weights are exact in half precision."""
    proto = onnx.load_from_string(data)
    for tensor in proto.graph.initializer:
        array = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return proto.SerializeToString()


def run(path, inputs):
    return Runtime().open(path.read_bytes()).run(dict(inputs))["y"]


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode())))
