"""`--json`: reports for machines, which never cost the model."""

import json

import numpy as np
import onnx
import pytest

from cli.program import cortado, done, refused, zeros

WRITERS = [
    "import",
    "densify",
    "prune --sparsity 0.5",
    "quantize --bits 2",
    "emit",
    "retrain --data digits --samples 20 --epochs 1",
]


@pytest.fixture
def unprunable(dense, tmp_path):
    """Give the net with one more product, whose weight is computed."""
    model = onnx.load(dense)
    name = model.graph.output[0].name
    model.graph.node[-1].output[0] = "scores"
    ones = onnx.numpy_helper.from_array(np.eye(10, dtype=np.float32), "ones")
    model.graph.initializer.append(ones)
    pieces = [
        onnx.helper.make_node("Add", ["ones", "ones"], ["doubling"]),
        onnx.helper.make_node("MatMul", ["scores", "doubling"], [name], name="twice"),
    ]
    model.graph.node.extend(pieces)
    path = tmp_path / "unprunable.onnx"
    onnx.save(model, path)
    return path


def report(*arguments):
    return json.loads(done(*arguments, "--json", "-"))


@pytest.mark.parametrize("command", [*WRITERS, "compress --data digits"])
def test_model_and_report_do_not_share_standard_output(command, tmp_path):
    name, *options = command.split()
    missing = tmp_path / "not-even-looked-at.onnx"
    for order in (["--json", "-", "-o", "-"], ["-o", "-", "--json", "-"], ["--json", "-"]):
        result = cortado(name, missing, *options, *order)
        assert refused(result, 2, name, "--json", "cannot both go to standard output")


def test_model_and_report_do_not_share_a_file(dense, old, monkeypatch):
    monkeypatch.chdir(old.parent)
    result = cortado("prune", dense, "--sparsity", "0.5", "-o", old, "--json", "./old.onnx")
    assert refused(result, 2, "prune", "--json", "cannot both go to")


@pytest.mark.parametrize("command", WRITERS)
def test_a_report_goes_to_a_file_or_to_a_free_standard_output(command, dense, tmp_path):
    name, *options = command.split()
    path, model = tmp_path / "report.json", tmp_path / "model.onnx"
    piped = done(name, dense, *options, "--json", path)
    shown = done(name, dense, *options, "--json", "-", "-o", model)
    assert path.read_bytes() == shown
    assert model.read_bytes() == piped
    assert json.loads(shown)


def test_a_report_that_cannot_be_written_does_not_cost_the_model(dense, tmp_path):
    path = tmp_path / "model.onnx"
    command = ["prune", dense, "-q", "--sparsity", "0.5", "--json", "/dev/full"]
    result = cortado(*command, "-o", path)
    words = "cannot write /dev/full: No space left on device; the model itself is complete in"
    assert refused(result, 1, "prune", f"{words} {path}")
    assert set(zeros(path.read_bytes()).values()) == {0.5}
    result = cortado(*command)
    assert result.code == 1
    assert result.stdout == path.read_bytes()
    assert f"{words} standard output" in result.stderr


def test_there_is_no_report_of_a_model_that_could_not_be_written(dense, tmp_path):
    path = tmp_path / "report.json"
    command = ["prune", dense, "-q", "--sparsity", "0.5", "--json", path]
    assert refused(cortado(*command, "-o", "/dev/full"), 1, "prune", "/dev/full")
    assert not path.exists()


def test_what_import_reports(net, tmp_path):
    found = report("import", "--init", net, "-o", tmp_path / "net.onnx")
    (image,), (score,) = found["inputs"], found["outputs"]
    assert image == {"name": "data", "dtype": "FLOAT", "shape": ["N", 1, 28, 28]}
    assert (score["name"], score["shape"]) == ("prob", ["N", 10])
    assert (found["layers"], found["notes"]) == (3, [])
    assert found["opset"] == onnx.load(tmp_path / "net.onnx").opset_import[0].version
    copied = report("import", tmp_path / "net.onnx", "-o", "/dev/null")
    assert copied == found


def test_what_densify_reports(sparse, tmp_path):
    path = tmp_path / "dense.onnx"
    found = report("densify", sparse, "-o", path)
    assert found["file_bytes"] == path.stat().st_size
    fc1 = {"name": "fc1.weight", "dtype": "FLOAT", "shape": [16, 144]}
    assert fc1 in found["tensors"]
    assert len(found["tensors"]) == len(onnx.load(path).graph.initializer)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("prune --sparsity 0.5", ["not prunable"]),
        ("quantize --bits 2", ["not prunable"]),
        ("retrain --data digits --samples 20 --epochs 0", ["not trained"]),
        ("prune --sparsity 0.5 -q", []),
    ],
)
def test_layers_that_a_pass_cannot_change_are_named(command, said, unprunable, tmp_path):
    path = tmp_path / "report.json"
    result = cortado(*command.split(), unprunable, "--json", path, "-o", "/dev/null")
    assert result.code == 0, result.stderr
    (skipped,) = json.loads(path.read_text())["skipped"]
    assert (skipped["name"], skipped["op_type"]) == ("twice", "MatMul")
    line = f": twice (MatMul): {skipped['reason']}"
    found = [text.removesuffix(line) for text in result.stderr.splitlines() if text.endswith(line)]
    assert found == said
    assert f"not prunable{line}\n" in done("inspect", unprunable).decode()


def test_what_prune_reports(dense):
    found = report("prune", dense, "--sparsity", "conv1=0.5", "-o", "/dev/null")
    conv = {"name": "conv1", "weights": 100, "zeros_before": 0, "zeros_after": 50}
    assert found["layers"][0] == conv
    assert [layer["zeros_after"] for layer in found["layers"]] == [50, 0, 0]
    assert found["sparsity"] == pytest.approx(50 / 2564)


def test_what_quantize_reports(dense):
    found = report("quantize", dense, "--bits", "fc1=3", "-o", "/dev/null")
    (layer,) = found["layers"]
    assert layer.pop("rmse") > 0
    assert layer == {"name": "fc1", "nonzero": 2304, "values": 8}


def test_what_retrain_reports(dense):
    options = ["--data", "digits", "--samples", "20", "--epochs", "2", "-o", "/dev/null"]
    first, second = report("retrain", dense, *options)["epochs"]
    keys = {"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    assert first.keys() == second.keys() == keys
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert 0 <= first["val_accuracy"] <= 1


def test_what_emit_reports(pruned, tmp_path):
    path = tmp_path / "sparse.onnx"
    found = report("emit", pruned, "--storage", "sparse", "-o", path)
    assert found["file_bytes"] == path.stat().st_size
    stored = {t["name"]: t for t in found["tensors"]}
    assert stored["fc1.weight"]["storage"] == "sparse"
    assert stored["fc1.weight"]["dense_bytes"] == 4 * 2304
    assert stored["fc1.weight"]["stored_bytes"] < 4 * 2304 / 3
    assert stored["fc1.bias"]["storage"] == "dense"


def test_what_evaluate_reports(trained):
    found = report("evaluate", trained, "--data", "digits", "--split", "val")
    scores = ["samples", "correct", "accuracy", "metric", "value", "loss"]
    assert list(found) == ["model", "density", *scores, "provider", "split", "seconds"]
    assert (found["model"], found["density"]) == (str(trained), 1)
    assert (found["samples"], found["split"]) == (144, "val")
    assert found["provider"] == "CPUExecutionProvider"
    assert found["accuracy"] == found["correct"] / 144 > 0.5
    assert 0 < found["loss"] < 3
    assert found["seconds"] > 0
    assert report("evaluate", trained, "--data", "digits", "--samples", "7")["samples"] == 7


def test_every_provider_has_a_run_in_the_report(dense):
    options = ["--provider", "cpu", "--provider", "CPUExecutionProvider"]
    found = report("evaluate", dense, "--data", "digits", "--samples", "9", *options)
    assert [run["samples"] for run in found["runs"]] == [9, 9]


def test_several_models_are_evaluated_side_by_side(trained, pruned):
    data = ["--data", "digits", "--samples", "50"]
    runs = report("evaluate", trained, pruned, *data)["runs"]
    alone = [report("evaluate", path, *data) for path in (trained, pruned)]
    kept = ("model", "density", "samples", "correct", "loss")
    assert [[run[key] for key in kept] for run in runs] == [
        [one[key] for key in kept] for one in alone
    ]
    assert runs[1]["density"] < runs[0]["density"] == 1
    heading, *rows, images = done("evaluate", trained, pruned, *data).decode().splitlines()
    assert heading.split()[:3] == ["model", "weights", "left"]
    assert [row.split()[0] for row in rows] == [str(trained), str(pruned)]
    assert images == "50 samples of the test split"


def test_what_inspect_reports(dense, pruned):
    one, two = report("inspect", dense, pruned)["models"]
    assert one["model"] == str(dense)
    assert one["file_bytes"] == dense.stat().st_size
    assert [layer["name"] for layer in one["layers"]] == ["conv1", "fc1", "fc2"]
    keys = "name op_type shape weights nonzero density distinct entropy_bits dense_bytes"
    assert list(two["total"]) == [*keys.split(), "entropy_bytes"]
    assert two["layers"][1]["shape"] == [16, 144]
    assert two["layers"][1]["nonzero"] == 230
    assert two["total"]["weights"] == 100 + 2304 + 160
    assert two["skipped"] == []


def test_what_validate_reports(dense, pruned):
    options = ["--reference", dense, "--data", "digits", "--samples", "9", "--time"]
    found = report("validate", pruned, *options)
    (model,), (reference,) = found["model"], found["reference"]
    assert model.keys() == reference.keys()
    assert 0 < model["differences"]["prob"]["absolute"] <= model["differences"]["prob"]["relative"]
    assert model["samples"] == reference["samples"] == 9
    low, high = model["latency_quartiles"]
    assert 0 < low <= model["latency_seconds"] <= high


def test_a_report_has_no_nan_which_is_no_json(net, dense, tmp_path):
    path = tmp_path / "other.prototxt"
    path.write_text(net.read_text().replace("num_output: 10", "num_output: 11"))
    other = tmp_path / "other.onnx"
    done("import", "--init", path, "-o", other)
    text = done("validate", other, "--reference", dense, "--json", "-").decode()
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert found["model"][0]["differences"] == {"prob": {"absolute": None, "relative": None}}


@pytest.mark.parametrize(
    "command",
    [
        "evaluate MODEL --data digits --json MODEL",
        "inspect MODEL --json MODEL",
        "inspect MODEL --plot MODEL",
        "validate net.onnx --reference MODEL --json MODEL",
    ],
)
def test_a_report_never_replaces_what_is_read(command, dense, tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(dense.read_bytes())
    result = cortado(*command.replace("MODEL", str(model)).split())
    assert result.code == 2
    assert f"would overwrite {model}" in result.stderr
    assert model.read_bytes() == dense.read_bytes()
