"""`cortado retrain` and `quantize` on nets of any kind: losses by name, and teachers alone."""

import json

import numpy as np
import pytest

from cli.kinds_of_nets import tagger as made_tagger
from cli.program import cortado, done, refused
from cortado.model.onnx_io import serial
from nets import two_heads, weight

RNG = np.random.default_rng(0)
PATTERNS = RNG.standard_normal((4, 1, 6, 6))  # so few that other weights can make up for zeros
IMAGES = np.tensordot(RNG.standard_normal((60, 4)), PATTERNS, 1).astype(np.float32)
LEFT = RNG.integers(0, 3, 60)
RIGHT = RNG.standard_normal((60, 2)).astype(np.float32)
IDS = RNG.integers(0, 7, (60, 5))


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """Give a net of two outputs, left of three classes and right of two numbers."""
    path = tmp_path_factory.mktemp("heads") / "heads.onnx"
    path.write_bytes(serial.encode(two_heads()))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Give files of samples: with targets of both outputs, with those of one, and without."""
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "both.npz", x=IMAGES, left=LEFT, right=RIGHT)
    np.savez(folder / "left.npz", x=IMAGES, left=LEFT)
    np.savez(folder / "none.npz", x=IMAGES)
    np.savez(folder / "tokens.npz", ids=IDS, mask=np.ones_like(IDS), target=IDS % 3)
    return folder


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """Give a net of two integer inputs that scores three classes of each token."""
    path = tmp_path_factory.mktemp("tagger") / "tagger.onnx"
    path.write_bytes(made_tagger())
    return path


def test_two_outputs_are_trained_by_their_losses(heads, data, tmp_path):
    out = tmp_path / "out.onnx"
    options = ("--data", data / "both.npz", "--loss", "left=cross-entropy", "--loss", "right=l1*2")
    found = cortado("retrain", heads, *options, "--epochs", "2", "--lr", "0.01", "-o", out)
    assert found.code == 0, found.stderr
    assert "minimized: cross-entropy of left, 2 × l1 of right" in found.stderr
    trained = serial.decode(out.read_bytes(), "out")
    for name in ("left.weight", "right.weight"):
        assert not np.array_equal(weight(trained, name), weight(two_heads(), name))


def test_figures_have_the_name_of_the_metric(heads, data, tmp_path):
    options = ["--data", data / "left.npz", "--epochs", "1", "-q", "-o", tmp_path / "out.onnx"]
    for metric in ("accuracy", "top-2"):
        path = tmp_path / "report.json"
        done("retrain", heads, *options, "--metric", metric, "--json", path)
        (epoch,) = json.loads(path.read_text())["epochs"]
        assert set(epoch) == {"epoch", "train_loss", f"train_{metric}", "val_loss", f"val_{metric}"}


def test_token_labels_are_trained_from_integers(tagger, data, tmp_path):
    out = tmp_path / "out.onnx"
    options = ["--data", data / "tokens.npz", "--epochs", "30", "--batch", "8", "--lr", "0.05"]
    done("retrain", tagger, *options, "-q", "--json", tmp_path / "report.json", "-o", out)
    epochs = json.loads((tmp_path / "report.json").read_text())["epochs"]
    assert epochs[-1]["val_loss"] < 0.5 * epochs[0]["val_loss"]
    found = json.loads(done("evaluate", out, "--data", data / "tokens.npz", "--json", "-"))
    assert found["metric"] == "accuracy"
    assert found["value"] > 0.9


def test_shared_values_of_any_net_are_trained(tagger, data, tmp_path):
    out = tmp_path / "out.onnx"
    options = ["--data", data / "tokens.npz", "--epochs", "2", "--batch", "8", "--lr", "0.05"]
    done("quantize", tagger, "--bits", "2", *options, "-q", "-o", out)
    array = weight(serial.decode(out.read_bytes(), "out"), "fc.weight")
    assert len(np.unique(array)) == 4
    done("quantize", tagger, "--bits", "2", "-q", "-o", tmp_path / "plain.onnx")
    plain = weight(serial.decode((tmp_path / "plain.onnx").read_bytes(), "plain"), "fc.weight")
    assert not np.array_equal(array, plain)


def test_shared_values_learn_from_the_model_itself_without_labels(heads, data, tmp_path):
    out, report = tmp_path / "out.onnx", tmp_path / "report.json"
    options = ["--data", data / "none.npz", "--epochs", "30", "--lr", "0.02", "--batch", "16"]
    done("quantize", heads, "--bits", "2", *options, "-q", "--json", report, "-o", out)
    plain = tmp_path / "plain.onnx"
    done("quantize", heads, "--bits", "2", "-q", "-o", plain)
    before, after = (
        json.loads(
            done("evaluate", path, "--reference", heads, "--data", data / "none.npz", "--json", "-")
        )["value"]
        for path in (plain, out)
    )
    assert after < 0.9 * before
    assert json.loads(report.read_text())["epochs"][-1]["val_relative-error"] < 0.9 * before


def test_a_teacher_alone_trains_without_labels(heads, data, tmp_path):
    pruned, out = tmp_path / "pruned.onnx", tmp_path / "out.onnx"
    done("prune", heads, "--sparsity", "0.6", "-q", "-o", pruned)
    options = ["--data", data / "none.npz", "--epochs", "40", "--lr", "0.02", "--batch", "16"]
    report = tmp_path / "report.json"
    done("retrain", pruned, *options, "--distill", heads, "-q", "--json", report, "-o", out)
    epochs = json.loads(report.read_text())["epochs"]
    assert epochs[-1]["val_relative-error"] < epochs[0]["val_relative-error"]  # to the teacher
    errors = [
        json.loads(
            done("evaluate", path, "--reference", heads, "--data", data / "none.npz", "--json", "-")
        )
        for path in (pruned, out)
    ]
    assert errors[0]["metric"] == errors[1]["metric"] == "relative-error"
    assert errors[1]["value"] < 0.5 * errors[0]["value"]
    zeros = [weight(serial.decode(p.read_bytes(), "p"), "left.weight") == 0 for p in (pruned, out)]
    assert np.array_equal(*zeros)


@pytest.mark.parametrize(
    ("file", "options", "code", "words"),
    [
        ("none.npz", [], 2, ["the data have no labels to train with", "--distill TEACHER"]),
        ("none.npz", ["--loss", "mse"], 2, ["the data have no labels: --loss needs them"]),
        ("both.npz", ["--loss", "huber"], 2, ["there is no loss 'huber'; there are: cross-entr"]),
        ("both.npz", ["--loss", "up=l1"], 2, ["--loss up=…: the outputs with targets are: left,"]),
        ("both.npz", ["--loss", "right=l1*-1"], 2, ["--loss right=l1*-1: it is NAME"]),
        ("both.npz", ["--loss", "absent:f"], 1, ["--loss absent:f cannot be imported"]),
        ("both.npz", ["--loss", "left=bce"], 1, ["the output left has the shape 1×3, and bce"]),
        ("both.npz", ["--loss", "right=ctc"], 1, ["ctc needs scores of shape"]),
    ],
)
def test_what_cannot_be_trained_is_one_line(file, options, code, words, heads, data, tmp_path):
    out = tmp_path / "out.onnx"
    result = cortado("retrain", heads, "--data", data / file, *options, "-o", out)
    assert refused(result, code, "retrain", *words)
    assert not out.exists()


def test_losses_need_data(heads, tmp_path):
    result = cortado("quantize", heads, "--loss", "mse", "-o", tmp_path / "out.onnx")
    assert refused(result, 2, "quantize", "--loss", "--data")
