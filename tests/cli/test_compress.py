"""`cortado compress`: without training, without labels, and what it writes beside the file."""

import json
import shlex

import numpy as np
import onnx
import pytest

from cli.program import commands_of, cortado, done, refused

WITHOUT = ("--no-train", "--effort", "quick", "-q")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Give digits without labels, as the data set `digits` has them."""
    from cortado.data import open_data

    train = open_data("digits").train
    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, train.take(np.arange(400)).pixels)
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
    assert {curve["kind"] for curve in told["curves"]} == {"prune", "bits"}
    text = page.read_text()
    assert f"{small.stat().st_size:,} bytes" in text
    assert shlex.split(commands_of(text)) == ["cortado", *map(str, words)]


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


def test_training_needs_labels(trained, images):
    result = cortado("compress", trained, "--data", images)
    assert refused(result, 2, "compress", "have no labels", "--no-train")


@pytest.mark.parametrize("option", ["--lr 0.1", "--batch 5", "--shift 2", "--device cpu"])
def test_options_of_training_are_refused_without_it(option, trained):
    result = cortado("compress", trained, "--data", "digits", *WITHOUT, *option.split())
    assert refused(result, 2, "compress", f"{option.split()[0]} needs training")


def test_file_and_page_are_both_written_or_neither(trained, images, tmp_path):
    """Test images decide, and either outcome is right."""
    small, page = tmp_path / "s.onnx", tmp_path / "p.html"
    result = cortado(
        *("compress", trained, "--data", images, *WITHOUT, "--samples", "40"),
        *("--max-drop", "0", "-o", small, "--report", page),
    )
    assert result.code in (0, 3), result.stderr
    assert small.exists() == page.exists() == (result.code == 0)
