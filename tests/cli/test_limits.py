"""`cortado validate`: limits that the user states, and exit code 3 where one is not met."""

import json

import pytest

from cli.program import cortado, done, refused


def test_figures_without_a_limit_are_only_printed(trained, pruned):
    text = done("validate", pruned, "--reference", trained, "--data", "digits").decode()
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["reference", "model"]


@pytest.mark.parametrize("limit", ["--max-drop", "--atol", "--rtol"])
def test_a_limit_that_is_met_is_success(limit, trained):
    done("validate", trained, "--reference", trained, "--data", "digits", limit, "0")


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("--max-drop=0.01", "accuracy fell from"),
        ("--atol=1e-3", "output prob differs by"),
        ("--rtol=1e-3", "output prob differs by"),
    ],
)
def test_a_limit_that_is_missed_is_exit_code_3(limit, words, trained, pruned, tmp_path):
    path = tmp_path / "report.json"
    options = ["--reference", trained, "--data", "digits", "--json", path]
    result = cortado("validate", pruned, *options, limit)
    assert result.code == 3
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"cortado validate: error: {words}")
    assert line.endswith(f" {float(limit.partition('=')[2]):g}")
    assert result.stdout  # the figures, also then
    found = json.loads(path.read_text())
    assert found["model"][0]["correct"] < found["reference"][0]["correct"]


def test_a_drop_is_a_fraction_of_the_images(trained, pruned):
    options = ["--reference", trained, "--data", "digits"]
    found = json.loads(done("validate", pruned, *options, "--json", "-"))
    lost = found["reference"][0]["correct"] - found["model"][0]["correct"]
    drop = lost / found["model"][0]["samples"]
    assert drop > 0.1
    assert cortado("validate", pruned, *options, "--max-drop", drop).code == 0
    assert cortado("validate", pruned, *options, "--max-drop", drop - 0.001).code == 3


def test_atol_is_absolute_and_rtol_a_fraction_of_the_scale(trained, pruned):
    command = ["validate", pruned, "--reference", trained]
    found = json.loads(done(*command, "--json", "-"))["model"][0]["differences"]["prob"]
    assert 0 < found["absolute"] < found["relative"]  # of probabilities, less than 1 at most
    between = (found["absolute"] + found["relative"]) / 2
    assert cortado(*command, "--atol", between).code == 0
    assert cortado(*command, "--rtol", between).code == 3


def test_a_gain_is_no_drop(trained, pruned):
    done("validate", trained, "--reference", pruned, "--data", "digits", "--max-drop", "0")


def test_outputs_of_another_shape_are_never_within_a_limit(net, dense, tmp_path):
    path, other = tmp_path / "other.prototxt", tmp_path / "other.onnx"
    path.write_text(net.read_text().replace("num_output: 10", "num_output: 11"))
    done("import", "--init", path, "-o", other)
    assert cortado("validate", other, "--reference", dense, "--atol", "1e9").code == 3


def test_latency_is_measured_on_demand(dense):
    row = done("validate", dense, "--time", "--batch", "3").decode().splitlines()[1]
    assert float(row.split()[-1]) > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-drop", "2"], "--max-drop"),
        (["--max-drop", "nan"], "--max-drop"),
        (["--atol", "-1"], "--atol"),
        (["--atol", "nan"], "--atol"),
        (["--rtol", "-1"], "--rtol"),
        (["--batch", "0"], "--batch"),
    ],
)
def test_senseless_limits_are_wrong_usage(options, words, dense):
    assert refused(cortado("validate", dense, *options), 2, "validate", words)


def test_a_reference_that_is_no_model_is_refused(dense, tmp_path):
    path = tmp_path / "reference.onnx"
    result = cortado("validate", dense, "--reference", path)
    assert refused(result, 1, "validate", f"cannot read {path}")
    path.write_bytes(b"")
    result = cortado("validate", dense, "--reference", path)
    assert refused(result, 1, "validate", f"{path} is empty")
