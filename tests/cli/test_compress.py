"""`cortado compress`: without training, without labels, and what it writes beside the file."""

import json
import shlex

import numpy as np
import onnx
import pytest

from cli.program import commands_of, cortado, done, refused
from scored import swept_on

WITHOUT = ("--no-train", "--effort", "quick", "-q")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Give digits without labels, as the data set `digits` has them."""
    from cortado.data import open_data
    from cortado.data.samples import IMAGE

    train = open_data("digits").train
    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, train.take(np.arange(400)).inputs[IMAGE])
    return path


def test_without_training_the_file_is_smaller_and_the_report_complete(trained, tmp_path):
    small, page, report = (tmp_path / name for name in ("s.onnx", "p.html", "r.json"))
    words = (
        *("compress", trained, "--data", "digits", *WITHOUT, "--min-accuracy", "0.85"),
        *("-o", small, "--report", page, "--json", report),
    )
    done(*words)
    told = json.loads(report.read_text())
    assert told["bytes"]["file"] == small.stat().st_size < trained.stat().st_size / 4
    assert told["stages"][-1]["val_accuracy"] >= 0.85
    assert told["test"]["file"]["accuracy"] >= 0.8
    assert all(stage["bytes"] > 0 for stage in told["stages"])
    assert {curve["treatment"] for curve in told["curves"]} == {"prune", "bits"}
    text = page.read_text()
    assert f"{small.stat().st_size:,} bytes" in text
    assert shlex.split(commands_of(text)) == ["cortado", *map(str, words)]
    assert "training samples; bands" in text  # the sweep that the plans were made of


def test_images_without_labels_count_agreement_with_the_dense_model(trained, images, tmp_path):
    small, page, report = (tmp_path / name for name in ("s.onnx", "p.html", "r.json"))
    done(
        *("compress", trained, "--data", images, *WITHOUT, "--max-drop", "0.1"),
        *("-o", small, "--report", page, "--json", report),
    )
    told = json.loads(report.read_text())
    assert told["test"]["dense"]["accuracy"] == 1
    assert told["origin"]["labelled"] is False
    assert "validation agreement" in page.read_text()
    assert onnx.load(small).graph.node


def test_without_labels_the_dense_model_teaches(trained, images, tmp_path):
    small = tmp_path / "small.onnx"
    options = ("--effort", "quick", "--max-drop", "0.1", "-q", "-o", small, "--json", "-")
    report = json.loads(done("compress", trained, "--data", images, *options))
    assert report["origin"]["metric"] == "agreement"
    assert small.stat().st_size < trained.stat().st_size / 2


@pytest.mark.parametrize("option", ["--lr 0.1", "--batch 5", "--shift 2", "--device cpu"])
def test_options_of_training_are_refused_without_it(option, trained):
    result = cortado("compress", trained, "--data", "digits", *WITHOUT, *option.split())
    assert refused(result, 2, "compress", f"{option.split()[0]} needs training")


@pytest.fixture(scope="module")
def other_tests(tmp_path_factory):
    """Give digits whose test images are noise, labelled by what the dense model says of them."""
    from cortado import files
    from cortado.data import labelled_images, open_data
    from cortado.data.samples import IMAGE

    def make(model):
        digits = open_data("digits").train
        train = digits.take(np.arange(len(digits)))
        pixels = train.inputs[IMAGE]
        noise = np.random.default_rng(0).uniform(0, 255, (300, *pixels.shape[1:]))
        noise = noise.astype(np.float32)
        unknown = swept_on(files.read_model(str(model)), labelled_images(noise))
        answers = unknown.task.answers(unknown.task.open(unknown.task.model), unknown.samples)
        labels = [scores.argmax(axis=1) for each in answers for scores in each.outputs.values()]
        arrays = (pixels, digits.labels, noise, np.concatenate(labels))
        path = tmp_path_factory.mktemp("other") / "data.npz"
        names = ("x_train", "y_train", "x_test", "y_test")
        np.savez(path, **dict(zip(names, arrays, strict=True)))
        return path

    return make


def test_where_test_images_lose_more_nothing_is_written(trained, other_tests, tmp_path):
    """Noise lies near the borders of classes: what validation images bear is too much for it."""
    small, page, report = (tmp_path / name for name in ("s.onnx", "p.html", "r.json"))
    result = cortado(
        *("compress", trained, "--data", other_tests(trained), *WITHOUT, "--max-drop", "0.05"),
        *("-o", small, "--report", page, "--json", report),
    )
    assert refused(result, 3, "compress", "accuracy fell from 1.0000 to")
    assert not any(path.exists() for path in (small, page, report))


def test_where_they_lose_no_more_all_is_written_after_one_sweep(trained, images, tmp_path):
    small, page, report = (tmp_path / name for name in ("s.onnx", "p.html", "r.json"))
    result = cortado(
        *("compress", trained, "--data", images, "--no-train", "--effort", "quick"),
        *("--max-drop", "0.5", "-o", small, "--report", page, "--json", report),
    )
    assert result.code == 0, result.stderr
    assert all(path.exists() for path in (small, page, report))
    assert result.stderr.count(" points, ") == 1  # each wave says so
