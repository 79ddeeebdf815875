"""``cortado repair``: better outputs from images without labels, and refusals that say why."""

import json

import numpy as np
import pytest

from cli.program import cortado, done, refused, same_weights, zeros

DIGITS = ["--data", "digits", "--samples", "400"]


def accuracy(model):
    return json.loads(done("evaluate", model, "--data", "digits", "--json", "-"))["accuracy"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Give the digits without their labels, as .npy and as .npz."""
    from cortado.data.digits import load_digits

    pixels = load_digits().inputs["image"][:400]
    folder = tmp_path_factory.mktemp("digits")
    np.save(folder / "images.npy", pixels)
    np.savez(folder / "images.npz", x=pixels)
    return folder


def test_a_repaired_model_is_better_and_as_sparse(trained, pruned, tmp_path):
    path, report = tmp_path / "repaired.onnx", tmp_path / "report.json"
    options = ["--reference", trained, *DIGITS, "-o", path, "--json", report]
    result = cortado("repair", pruned, *options)
    assert result.code == 0, result.stderr
    assert zeros(path.read_bytes()) == zeros(pruned.read_bytes())
    assert accuracy(path) > accuracy(pruned) + 0.05
    found = json.loads(report.read_text())
    assert [layer["name"] for layer in found["layers"]] == ["conv1", "fc1", "fc2"]
    assert found["kept"]
    assert found["error_after"] < 0.5 * found["error_before"]
    assert (found["samples"], found["held_samples"]) == (400, 144)
    assert f"error {found['error_before']:.4f} before" in result.stderr
    assert result.stderr.startswith("layer    op   fitted  error before   after  kept\nconv1  Conv")


@pytest.mark.parametrize("name", ["images.npy", "images.npz"])
def test_images_need_no_labels(name, digits, trained, pruned, tmp_path):
    path = tmp_path / "repaired.onnx"
    done("repair", pruned, "--reference", trained, "--data", digits / name, "-q", "-o", path)
    assert accuracy(path) > accuracy(pruned) + 0.05


def test_a_seed_decides_on_the_bytes(trained, pruned):
    command = ["repair", pruned, "--reference", trained, *DIGITS, "-q"]
    first = done(*command)
    assert done(*command, "--seed", "0") != first  # the option is remembered
    assert same_weights(done(*command, "--seed", "0"), first)
    assert done(*command) == first


def test_it_stands_in_a_pipe(trained, pruned):
    piped = done("repair", "--reference", trained, *DIGITS, "-q", stdin=pruned.read_bytes())
    assert piped == done("repair", pruned, "--reference", trained, *DIGITS, "-q")


def test_a_model_that_needs_no_repair_stays(trained):
    result = cortado("repair", trained, "--reference", trained, *DIGITS)
    assert result.code == 0
    assert same_weights(result.stdout, trained.read_bytes())
    assert "the model stays as it was" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--reference {wide} --data digits", "fc1 is 16×144, and 1600×144 in the reference"),
        ("--reference missing.onnx --data digits", "cannot read missing.onnx"),
        ("--reference {trained} --data missing.npy", "cannot read missing.npy"),
        ("--reference {trained} --data {trained}", "is not one of: digits"),
    ],
)
def test_what_does_not_fit_is_refused(options, words, trained, pruned, wide, old):
    command = options.format(trained=trained, wide=wide).split()
    assert refused(cortado("repair", pruned, *command, "-o", old), 1, "repair", words)


@pytest.mark.parametrize("name", ["damaged.npy", "damaged.npz"])
def test_damaged_images_are_refused(name, trained, pruned, old, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"\x93NUMPY damaged")
    options = ["--reference", trained, "--data", path, "-o", old]
    assert refused(cortado("repair", pruned, *options), 1, "repair", str(path), "damaged")


def test_a_repair_needs_a_reference_and_images(pruned):
    assert refused(cortado("repair", pruned, "--data", "digits"), 2, "repair", "--reference")
    assert refused(cortado("repair", pruned, "--reference", pruned), 2, "repair", "--data")
