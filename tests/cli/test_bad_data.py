"""Data, metrics and losses that make no sense: one line that names them, and no output."""

import sys

import numpy as np
import pytest

from cli.kinds_of_nets import tagger
from cli.program import cortado, done, refused
from cortado.model.onnx_io import serial
from nets import conv_net

RNG = np.random.default_rng(0)
COUNT = 40
IDS = RNG.integers(0, 7, (COUNT, 5))
TOKENS = {"ids": IDS, "mask": np.ones_like(IDS), "target": IDS % 3}
IMAGES = RNG.standard_normal((COUNT, 1, 6, 6)).astype(np.float32)
LABELS = np.arange(COUNT) % 3

COMMANDS = {
    "evaluate": "",
    "sensitivity": "--rates 0.5",
    "retrain": "--epochs 1 --batch 20",
    "quantize": "--bits 2 --epochs 1 --batch 20",
    "compress": "--no-train --effort quick --max-drop 1 --treatment prune",
    "repair": "--reference {model}",
    "validate": "--reference {model}",
    "emit": "--kernel int8",
    "inspect": "",
}
READERS = ("evaluate", "validate", "inspect")  # commands that write no file but reports
FEEDING = [name for name in COMMANDS if name != "emit"]  # int8 feeds only models with convolutions
MEASURING = ("evaluate", "sensitivity", "retrain", "compress")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """Give a net of two integer inputs, ids and mask."""
    path = tmp_path_factory.mktemp("nets") / "tokens.onnx"
    path.write_bytes(tagger())
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Give a net of images of 1×6×6 with three classes."""
    path = tmp_path_factory.mktemp("nets") / "images.onnx"
    path.write_bytes(serial.encode(conv_net()))
    return path


def check_refused(name, model, data, code, *words, folder, further=()):
    """Check that a command writes one line, no file, and leaves the one that was there."""
    typed = [name, model, *COMMANDS[name].format(model=model).split(), "--data", data, *further]
    folder.mkdir(exist_ok=True)
    new, kept = folder / "new.out", folder / "report.json"
    kept.write_text("kept")
    if name != "sensitivity":
        typed += ["--json", kept]
    if name not in READERS:
        typed += ["-o", new]
    assert refused(cortado(*typed, "-q"), code, name, *words)
    assert [path.name for path in folder.iterdir()] == ["report.json"]
    assert kept.read_text() == "kept"
    return True


def lacking(arrays, name):
    return {key: array for key, array in arrays.items() if key != name}


ARCHIVES = {
    "an input is missing": (lacking(TOKENS, "mask"), ["data.npz lacks the input 'mask'"]),
    "an input is of texts": (
        {**TOKENS, "mask": np.full(IDS.shape, "x")},
        ["data.npz: the input 'mask' is <U1, not numbers"],
    ),
    "there are more samples of one input": (
        {**TOKENS, "mask": np.ones((COUNT + 1, 5), np.int64)},
        ["data.npz: there are 40 samples of 'ids' and 41 of 'mask'"],
    ),
    "there are targets of other samples": (
        {**TOKENS, "target": np.zeros((COUNT - 1, 5), np.int64)},
        ["data.npz: 40 samples have 39 targets of 'target'"],
    ),
    "a name is unknown": (
        {**TOKENS, "extra": IDS},
        ["data.npz has 'extra', which is not one of: ids, mask, target, y"],
    ),
}


@pytest.mark.parametrize("fault", ARCHIVES)
@pytest.mark.parametrize("name", COMMANDS)
def test_arrays_that_do_not_fit_the_model_are_refused(name, fault, tokens, tmp_path):
    arrays, words = ARCHIVES[fault]
    np.savez(tmp_path / "data.npz", **arrays)
    folder = tmp_path / "out"
    assert check_refused(name, tokens, tmp_path / "data.npz", 1, *words, folder=folder)


MISFITS = {
    "an input is of floats": (
        {**TOKENS, "mask": np.ones(IDS.shape)},
        ["the input mask wants int64, and the samples are float64"],
    ),
    "an input has two axes too many": (
        {**TOKENS, "mask": np.ones((COUNT, 5, 2, 2), np.int64)},
        ["the samples have the shape 5×2×2, the model's input mask wants ?"],
    ),
    "inputs do not fit each other": (
        {**TOKENS, "mask": np.ones((COUNT, 4), np.int64)},
        ["onnxruntime cannot run the model on ids ", "×5, mask ", "×4: "],
    ),
}


@pytest.mark.parametrize("fault", MISFITS)
@pytest.mark.parametrize("name", FEEDING)
def test_arrays_that_cannot_be_fed_are_refused(name, fault, tokens, tmp_path):
    arrays, words = MISFITS[fault]
    np.savez(tmp_path / "data.npz", **arrays)
    folder = tmp_path / "out"
    assert check_refused(name, tokens, tmp_path / "data.npz", 1, *words, folder=folder)


@pytest.mark.parametrize("name", COMMANDS)
def test_one_sample_without_an_input_is_refused(name, tokens, tmp_path):
    data = tmp_path / "samples"
    data.mkdir()
    for i in range(COUNT):
        sample = {key: array[i] for key, array in TOKENS.items()}
        np.savez(data / f"{i:02}.npz", **(lacking(sample, "mask") if i == 30 else sample))
    words = [f"{data}/30.npz lacks the input 'mask' of the model"]
    assert check_refused(name, tokens, data, 1, *words, folder=tmp_path / "out")


@pytest.mark.parametrize("name", COMMANDS)
def test_one_sample_without_a_target_is_refused(name, tokens, tmp_path):
    data = tmp_path / "samples"
    data.mkdir()
    for i in range(COUNT):
        sample = {key: array[i] for key, array in TOKENS.items()}
        np.savez(data / f"{i:02}.npz", **(lacking(sample, "target") if i == 30 else sample))
    words = [f"{data}/30.npz", "target"]
    assert check_refused(name, tokens, data, 1, *words, folder=tmp_path / "out")


# Callables of the user's own.

MODULE = """
import numpy as np

ids = np.arange(200).reshape(40, 5) % 7
rows = [{"ids": row, "mask": np.ones_like(row), "target": row % 3} for row in ids]

class Rows(list):
    def __getitem__(self, i):
        row = super().__getitem__(i)
        if isinstance(row, Exception):
            raise row
        return row

def with_one(odd):
    found = Rows(rows)
    for i in range(0, 40, 3):
        found[i] = odd
    return found

def raising():
    raise RuntimeError("no such\\nserver")

def raising_later():
    return with_one(OSError("the disk is gone"))

def nothing():
    return None

def a_number():
    return 7

def texts():
    return ["a", "b"] * 20

def nones():
    return with_one(None)

def lacking():
    return with_one({"ids": ids[0], "target": ids[0] % 3})

def short():
    return with_one({"ids": ids[0], "mask": ids[0, :4], "target": ids[0] % 3})

def three():
    return rows, rows, rows, rows

# Metrics.

def metric_raises(outputs, targets):
    raise ZeroDivisionError("no positives")

def metric_nan(outputs, targets):
    return np.full(len(outputs["y"]), np.nan)

def metric_shape(outputs, targets):
    return np.zeros((len(outputs["y"]), 2))

def metric_scalar(outputs, targets):
    return 0.5

def metric_none(outputs, targets):
    return None

# Losses.

def loss_raises(outputs, targets):
    raise ZeroDivisionError("no positives")

def loss_shape(outputs, targets):
    return outputs["y"]

def loss_nan(outputs, targets):
    return outputs["y"].sum() * float("nan")

def loss_number(outputs, targets):
    return 0.5

def loss_detached(outputs, targets):
    return outputs["y"].detach().sum()
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module to the working directory; return its name."""
    name = "bad_code_of_this_test"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("raising", ["raised RuntimeError: no such server"]),
        ("raising_later", ["raised OSError: the disk is gone"]),
        ("nothing", ["returned a part without length or items"]),
        ("a_number", ["returned a part without length or items"]),
        ("texts", ["2 inputs"]),
        ("nones", ["2 inputs"]),
        ("lacking", ["item", "lacks the input 'mask'"]),
        ("three", ["returned 4 parts"]),
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_callable_that_gives_no_samples_is_refused(
    name, function, words, module, tokens, tmp_path
):
    spec = f"{module}:{function}"
    folder = tmp_path / "out"
    assert check_refused(name, tokens, spec, 1, f"--data {spec}", *words, folder=folder)


@pytest.mark.parametrize("name", FEEDING)
def test_items_whose_inputs_do_not_fit_each_other_are_shown_by_their_shapes(
    name, module, tokens, tmp_path
):
    words = ["onnxruntime cannot run the model on ids ", "×5, mask ", "×4: "]
    assert check_refused(name, tokens, f"{module}:short", 1, *words, folder=tmp_path / "out")


METRICS = {
    "metric_raises": "raised ZeroDivisionError: no positives",
    "metric_nan": "returned NaN or an infinite number",
    "metric_shape": "returned the shape",
    "metric_scalar": "not one number each",
    "metric_none": "not one number each",
    "missing": "cannot be imported",
}


@pytest.mark.parametrize("function", METRICS)
@pytest.mark.parametrize("name", [*MEASURING, "quantize", "repair", "validate"])
def test_a_metric_that_gives_no_figures_is_refused(name, function, module, images, tmp_path):
    np.savez(tmp_path / "data.npz", x=IMAGES, y=LABELS)
    spec, further = tmp_path / "data.npz", ["--metric", f"{module}:{function}"]
    words, folder = [f"--metric {module}:{function}", METRICS[function]], tmp_path / "out"
    assert check_refused(name, images, spec, 1, *words, folder=folder, further=further)


@pytest.mark.parametrize("metric", ["accuracy", "top-2"])
@pytest.mark.parametrize("name", [*MEASURING, "quantize", "repair", "validate"])
def test_a_metric_of_labels_without_labels_is_refused(name, metric, images, tmp_path):
    np.savez(tmp_path / "data.npz", x=IMAGES)
    further, folder = ["--metric", metric], tmp_path / "out"
    words = [f"the metric {metric} needs labels, and the data have none"]
    path = tmp_path / "data.npz"
    assert check_refused(name, images, path, 2, *words, folder=folder, further=further)


@pytest.mark.parametrize("metric", ["accuracy", "top-2", "cer"])
@pytest.mark.parametrize("name", MEASURING)
def test_a_metric_that_targets_do_not_fit_is_refused(name, metric, images, tmp_path):
    targets = RNG.standard_normal((COUNT, 3)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=IMAGES, target=targets)
    folder, further = tmp_path / "out", ["--metric", metric]
    words, code = f"the metric {metric} needs labels (integers of classes), and the data have", 1
    if metric == "cer":  # without a reference evaluate has nothing else to compare with
        words, code = "the output y has the shape", 1
        if name == "evaluate":
            words, code = "the metric cer does not take arrays of the output's shape", 2
    path = tmp_path / "data.npz"
    assert check_refused(name, images, path, code, words, folder=folder, further=further)


LOSSES = {
    "loss_raises": "raised ZeroDivisionError: no positives",
    "loss_shape": "returned the shape",
    "loss_nan": "returned NaN or an infinite number",
    "loss_number": "returned 0.5, not a tensor of one number",
    "loss_detached": "does not depend on the outputs",
    "missing": "cannot be imported",
}


@pytest.mark.parametrize("function", LOSSES)
@pytest.mark.parametrize("name", ["retrain", "quantize"])
def test_a_loss_that_gives_no_scalar_is_refused(name, function, module, images, tmp_path):
    np.savez(tmp_path / "data.npz", x=IMAGES, y=LABELS)
    path, further = tmp_path / "data.npz", ["--loss", f"{module}:{function}"]
    words, folder = [f"--loss {module}:{function}", LOSSES[function]], tmp_path / "out"
    assert check_refused(name, images, path, 1, *words, folder=folder, further=further)


# Tables of several metrics.


def test_a_table_of_one_metric_is_not_resumed_with_another(images, tmp_path):
    np.savez(tmp_path / "data.npz", x=IMAGES, y=LABELS)
    table, words = tmp_path / "table.csv", ["--data", tmp_path / "data.npz", "--rates", "0.5", "-q"]
    done("sensitivity", images, *words, "-o", table)
    before = table.read_bytes()
    for other in (["--metric", "top-2"], ["--metric", "agreement"], ["--without-labels"]):
        result = cortado("sensitivity", images, *words, *other, "-o", table)
        assert refused(result, 1, "sensitivity", f"{table} has rows of another metric: accuracy")
        assert table.read_bytes() == before


def test_tables_of_several_metrics_make_no_plan(images, tmp_path):
    np.savez(tmp_path / "data.npz", x=IMAGES, y=LABELS)
    words = ["--data", tmp_path / "data.npz", "--rates", "0.5", "-q"]
    tables, plan = [tmp_path / "accuracy.csv", tmp_path / "cosine.csv"], tmp_path / "plan.json"
    done("sensitivity", images, *words, "-o", tables[0])
    done("sensitivity", images, *words, "--without-labels", "--metric", "cosine", "-o", tables[1])
    plan.write_text("kept")
    result = cortado("plan", *tables, "--model", images, "--max-drop", "0.1", "-o", plan)
    assert refused(result, 1, "plan", f"{tables[1]} has rows of another metric: cosine")
    assert plan.read_text() == "kept"
    mixed = tmp_path / "mixed.csv"
    mixed.write_bytes(tables[0].read_bytes() + tables[1].read_bytes().partition(b"\n")[2])
    result = cortado("plan", mixed, "--model", images, "--max-drop", "0.1", "-o", plan)
    assert refused(result, 1, "plan", f"{mixed} has rows of another metric: cosine")
    assert plan.read_text() == "kept"


@pytest.mark.parametrize("metric", ["cosine", "top-2"])
def test_a_plan_is_not_measured_by_another_metric_than_its_table(metric, images, tmp_path):
    np.savez(tmp_path / "data.npz", x=IMAGES, y=LABELS)
    data, table = ["--data", tmp_path / "data.npz"], tmp_path / "table.csv"
    plan = tmp_path / "plan.json"
    done("sensitivity", images, *data, "--rates", "0.5", "-q", "-o", table)
    words = ["--model", images, "--max-drop", "1", "--metric", metric, "-o", plan]
    result = cortado("plan", table, *words, *data)
    assert refused(result, 1, "plan", metric, "accuracy")
    assert not plan.exists()
