"""`cortado plan`, and the commands that take its plans."""

import json

import numpy as np
import pytest

from cli.program import cortado, done, refused, weights, zeros
from cortado.data import IMAGE
from cortado.data.digits import load_digits
from cortado.runtime import Runtime
from cortado.sensitivity import read_table

SWEEP = ("--kind", "prune", "--kind", "bits", "--rates", "0.3,0.6,0.9", "--bits", "2,4", "-q")


@pytest.fixture(scope="module")
def table(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "sweep.csv"
    done("sensitivity", trained, "--data", "digits", *SWEEP, "-o", path)
    return path


def plan(table, model, *options):
    return json.loads(done("plan", table, "--model", model, "-q", *options))


def test_a_plan_for_a_sparsity_reaches_it_when_prune_and_quantize_take_it(table, trained, tmp_path):
    path = tmp_path / "plan.json"
    done("plan", table, "--model", trained, "--target-sparsity", "0.7", "-q", "-o", path)
    found = json.loads(path.read_text())
    pruned = done("prune", trained, "--plan", path, "-q")
    shares = {layer["name"]: layer["treatments"].get("prune", 0) for layer in found["layers"]}
    for name, share in zeros(pruned).items():
        assert share == pytest.approx(shares[name], abs=0.01)
    arrays = weights(pruned)
    total = sum(array.size for array in arrays.values())
    empty = sum(np.count_nonzero(array == 0) for array in arrays.values())
    assert empty / total == pytest.approx(found["expected"]["sparsity"])
    assert empty / total >= 0.7
    assert all(layer["treatments"].keys() <= {"prune"} for layer in found["layers"])
    assert done("quantize", "-", "--plan", path, "-q", stdin=pruned)


def test_bytes_are_those_of_the_file_that_emit_writes(table, trained, tmp_path):
    path, report = tmp_path / "plan.json", tmp_path / "report.json"
    done("plan", table, "--model", trained, "--target-bytes", "3000", "-q", "-o", path)
    found = json.loads(path.read_text())
    assert found["expected"]["bytes"] <= 3000
    pruned = done("prune", trained, "--plan", path, "-q")
    shared = done("quantize", "-", "--plan", path, "-q", stdin=pruned)
    for layer in found["layers"]:
        values = np.unique(weights(shared)[layer["name"]])
        assert len(values) <= 2 ** layer["treatments"].get("bits", 20) + 1
    options = ("-q", "-o", tmp_path / "small.onnx", "--json", report)
    done("emit", "-", *options, stdin=shared)
    stored = {t["name"]: t for t in json.loads(report.read_text())["tensors"]}
    real = sum(stored[f"{layer['name']}.weight"]["stored_bytes"] for layer in found["layers"])
    assert real == pytest.approx(found["expected"]["bytes"], rel=0.05)


def test_a_smaller_drop_gives_a_larger_plan(table, trained):
    options = ("--data", "digits", "--split", "train")
    small, large = (
        plan(table, trained, *options, "--max-drop", drop)["expected"] for drop in ("0.2", "0.05")
    )
    assert small["bytes"] < large["bytes"]
    assert large["drop_low"] <= large["drop"] <= large["drop_high"] <= 0.05


def test_the_drop_of_a_plan_is_what_evaluate_finds_when_it_is_carried_out(table, trained, tmp_path):
    path, small = tmp_path / "plan.json", tmp_path / "small.onnx"
    options = ("--data", "digits", "--split", "train", "--max-drop", "0.1", "-q", "-o", path)
    done("plan", table, "--model", trained, *options)
    pruned = done("prune", trained, "--plan", path, "-q")
    done("quantize", "-", "--plan", path, "-q", "-o", small, stdin=pruned)
    dense, found = (
        json.loads(done("evaluate", m, "--data", "digits", "--split", "train", "--json", "-"))
        for m in (trained, small)
    )
    expected = json.loads(path.read_text())["expected"]
    assert 0 < expected["drop"] == pytest.approx(dense["accuracy"] - found["accuracy"])


def test_without_images_the_interval_is_wider(table, trained):
    budget = ("--target-bytes", "5000")
    summed = plan(table, trained, *budget)["expected"]
    measured = plan(table, trained, *budget, "--data", "digits")["expected"]
    assert summed["samples"] == 0
    assert measured["samples"] > 0
    widths = [e["drop_high"] - e["drop_low"] for e in (summed, measured)]
    assert widths[0] > widths[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--target-bytes 10", "the smallest plan takes"),
        ("--target-sparsity 0.99", "the sparsest plan has"),
        ("--target-sparsity 0.89 --max-drop 0", "more than 0, at this target"),
        ("--max-drop 0", "more than 0, though it is the gentlest"),
    ],
)
def test_a_budget_that_none_meets_is_exit_code_3(options, words, table, trained, old):
    options = (*options.split(), "--data", "digits", "-q", "-o", old)
    assert refused(cortado("plan", table, "--model", trained, *options), 3, "plan", words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "needs a drop"),
        ("--target-bytes 900 --target-sparsity 0.5", "not for both"),
        ("--max-drop 0.1 --head prob", "--head needs --data"),
        ("--max-drop -1", "not in the range x>=0"),
    ],
)
def test_contradictions_are_wrong_usage(options, words, table, trained):
    assert refused(cortado("plan", table, "--model", trained, *options.split()), 2, "plan", words)


def test_a_table_of_another_model_is_refused(table, pruned):
    result = cortado("plan", table, "--model", pruned, "--max-drop", "0.1")
    assert refused(result, 1, "plan", "of another model")


def test_tables_of_several_runs_merge(trained, tmp_path):
    paths = [tmp_path / "prune.csv", tmp_path / "bits.csv"]
    for path, kind in zip(paths, (SWEEP[:2] + SWEEP[4:6], SWEEP[2:4] + SWEEP[6:8]), strict=True):
        done("sensitivity", trained, "--data", "digits", *kind, "-q", "-o", path)
    options = ("--model", trained, "--target-bytes", "3000", "-q")
    found = json.loads(done("plan", *paths, *options))
    bits = {layer["treatments"].get("bits") for layer in found["layers"]}
    assert {None} < bits | {None} <= {2, 4, None}


def test_a_table_of_a_method_joins_one_of_bits(trained, tmp_path):
    paths = [tmp_path / "prune.csv", tmp_path / "bits.csv"]
    runs = [("--method", "random-below", "--seed", "3", "--rates", "0.5"), SWEEP[2:4]]
    for path, run in zip(paths, runs, strict=True):
        done("sensitivity", trained, "--data", "digits", *run, "-q", "-o", path)
    found = plan_of(paths, trained, "--target-sparsity", "0.2")
    assert (found["method"], found["seed"]) == ("random-below", 3)


def plan_of(paths, model, *options):
    return json.loads(done("plan", *paths, "--model", model, "-q", *options))


def test_a_plan_of_random_masks_is_what_was_swept(trained, tmp_path):
    path = tmp_path / "sweep.csv"
    options = ("--method", "random-below", "--rates", "0.6", "--seed", "4", "-q", "-o", path)
    done("sensitivity", trained, "--data", "digits", *options)
    found = plan_of([path], trained, "--target-sparsity", "0.3")
    place = tmp_path / "plan.json"
    place.write_text(json.dumps(found))
    pruned = weights(done("prune", trained, "--plan", place, "-q"))
    rows = {r.layer: r.zeros for r in read_table(path.read_bytes(), "it").rows if r.level}
    planned = [layer["name"] for layer in found["layers"] if layer["treatments"]]
    assert len(planned) > 1
    for name in planned:
        assert np.count_nonzero(pruned[name] == 0) == rows[name]


def test_more_rows_never_make_a_plan_impossible(trained, tmp_path):
    wide, narrow = tmp_path / "wide.csv", tmp_path / "narrow.csv"
    done("sensitivity", trained, "--data", "digits", "--kind", "bits", "-q", "-o", wide)
    lines = wide.read_text().splitlines(keepends=True)
    gentle = [line for line in lines if line.split(",")[2] not in {"2", "3", "4", "5"}]
    narrow.write_text("".join(gentle))
    for drop in ("0.03", "0.05"):
        options = ("--data", "digits", "--max-drop", drop)
        sizes = [plan_of([path], trained, *options)["expected"]["bytes"] for path in (wide, narrow)]
        assert sizes[0] <= sizes[1]


def test_a_plan_counts_as_its_table(trained, tmp_path):
    """By labels that are all wrong a plan could only gain; beside the dense model it loses."""
    pixels = load_digits().inputs[IMAGE][:400]
    session = Runtime().open(trained.read_bytes())
    (found,) = session.run({"data": pixels * np.float32(0.004)}).values()
    chosen = found.argmax(axis=1)
    wrong, table = tmp_path / "wrong.npz", tmp_path / "sweep.csv"
    np.savez(wrong, x=pixels, y=(chosen + 1) % 10)
    data = ("--data", wrong, "--split", "train", "-q")
    done("sensitivity", trained, *data, "--without-labels", "--rates", "0.95", "-o", table)
    found = plan_of([table], trained, *data, "--max-drop", "0.9")
    assert found["expected"]["drop"] > 0


def test_a_table_may_come_through_a_pipe(table, trained):
    options = ("--model", trained, "--target-bytes", "3000", "-q")
    piped = done("plan", "-", *options, stdin=table.read_bytes())
    assert piped == done("plan", table, *options)


def test_a_model_may_come_through_a_pipe(table, trained):
    options = ("--target-bytes", "3000", "-q")
    piped = done("plan", table, "--model", "-", *options, stdin=trained.read_bytes())
    assert piped == done("plan", table, "--model", trained, *options)


@pytest.mark.parametrize("arguments", [("-", "-", "--model", "m.onnx"), ("-", "--model", "-")])
def test_standard_input_is_read_once(arguments):
    result = cortado("plan", *arguments, "--max-drop", "0.1")
    assert refused(result, 2, "plan", "standard input can be one table, or the model")


def test_an_empty_table_is_refused(table, trained, tmp_path):
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    options = ("--model", trained, "--max-drop", "0.1")
    assert refused(cortado("plan", table, path, *options), 1, "plan", "empty.csv is empty")
    piped = cortado("plan", "-", *options, stdin=b"")
    assert refused(piped, 1, "plan", "standard input is empty")


def test_tables_of_several_models_do_not_mix(table, trained, tmp_path):
    path = tmp_path / "other.csv"
    lines = table.read_text().splitlines(keepends=True)
    own = lines[1].split(",")[-2]
    path.write_text("".join(lines).replace(own, "sha256:0123"))
    options = ("--model", trained, "--max-drop", "0.1")
    words = f"other.csv has rows of another model: sha256:0123, not {own}"
    assert refused(cortado("plan", table, path, *options), 1, "plan", words)


def test_a_plan_says_what_it_expects(table, trained):
    told = cortado("plan", table, "--model", trained, "--target-bytes", "3000").stderr
    assert "the sum of what layers lose alone; together perhaps by" in told
    options = ("--data", "digits", "--samples", "1", "--target-bytes", "3000")
    told = cortado("plan", table, "--model", trained, *options).stderr
    assert " on 1 sample; on as many others by " in told
    assert "(95 %)" in told


def test_a_plan_of_another_model_is_not_carried_out(table, trained, pruned, tmp_path):
    path = tmp_path / "plan.json"
    done("plan", table, "--model", trained, "--target-bytes", "3000", "-q", "-o", path)
    result = cortado("prune", pruned, "--plan", path)
    assert refused(result, 1, "prune", "plan.json: the plan was made for other weights: sha256:")
    done("quantize", pruned, "--plan", path, "-q")  # pruned, and perhaps trained, in between
    found = json.loads(path.read_text())
    found["layers"][1]["shape"] = [16, 99]
    path.write_text(json.dumps(found))
    for command in ("prune", "quantize"):
        result = cortado(command, trained, "--plan", path)
        words = "plan.json: the plan is of another model: its fc1 is of shape [16, 99]"
        assert refused(result, 1, command, words)


@pytest.mark.parametrize("command", ["prune", "quantize"])
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("treatments", {"prune": 1.5}, "layer fc1: treatments: prune is 1.5, and must be a fract"),
        ("treatments", {"bits": 99}, "layer fc1: treatments: bits is 99, and must be bits, a wh"),
        ("treatments", {"shave": 1}, "treatments has 'shave', which is not one of prune, bits"),
        ("name", "conv1", "plan.json has the layer 'conv1' 2 times"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_alike(
    command, field, value, words, table, trained, tmp_path
):
    path = tmp_path / "plan.json"
    found = plan(table, trained, "--target-bytes", "3000")
    found["layers"][1][field] = value
    path.write_text(json.dumps(found))
    assert refused(cortado(command, trained, "--plan", path), 1, command, words)


def test_a_plan_that_would_empty_a_layer_is_refused(table, trained, tmp_path):
    path = tmp_path / "plan.json"
    found = plan(table, trained, "--target-bytes", "3000")
    found["layers"][0]["treatments"]["prune"] = 0.9999
    path.write_text(json.dumps(found))
    words = "plan.json: the plan cannot be carried out: conv1.weight would lose all"
    assert refused(cortado("prune", trained, "--plan", path), 1, "prune", words)


@pytest.mark.parametrize("command", ["prune", "quantize"])
def test_a_plan_that_names_unknown_layers_is_refused(command, table, trained, tmp_path):
    path = tmp_path / "plan.json"
    found = plan(table, trained, "--target-sparsity", "0.5")
    found["layers"][0]["name"] = "conv9"
    path.write_text(json.dumps(found))
    result = cortado(command, trained, "--plan", path)
    assert refused(result, 1, command, "the plan names conv9; the model has: conv1, fc1, fc2")


def test_a_plan_and_rates_by_hand_contradict(trained):
    result = cortado("prune", trained, "--plan", "plan.json", "--sparsity", "0.5")
    assert refused(result, 2, "prune", "--sparsity, --cut, --quality or --plan")
    result = cortado("quantize", trained, "--plan", "plan.json", "--bits", "3")
    assert refused(result, 2, "quantize", "--bits or with --plan")


def test_tables_and_plans_are_of_any_metric_in_its_own_units(table, trained, tmp_path):
    path = tmp_path / "error.csv"
    options = ("--data", "digits", "--metric", "relative-error", "-q")
    done("sensitivity", trained, *options, "--rates", "0.3,0.6", "-o", path)
    found = plan(path, trained, "--data", "digits", "--max-drop", "0.5")["expected"]
    assert (found["metric"], found["better"]) == ("relative-error", "lower")
    assert found["value"] == found["drop"]  # the dense model has no error
    assert 0 < found["drop"] <= found["drop_high"] <= 0.5
    mixed = cortado("plan", path, table, "--model", trained, "--max-drop", "0.1")
    words = f"{table} has rows of another metric: accuracy, not relative-error"
    assert refused(mixed, 1, "plan", words)
    again = cortado("sensitivity", trained, "--data", "digits", "-q", "-o", path)
    words = f"{path} has rows of another metric: relative-error, not accuracy"
    assert refused(again, 1, "sensitivity", words)
    options = ("--data", "digits", "--metric", "cosine", "--max-drop", "0.1")
    other = cortado("plan", path, "--model", trained, *options)
    assert refused(other, 1, "plan", "the table is of another metric: relative-error, not cosine")


def test_tables_and_plans_of_an_earlier_version_are_refused_in_one_line(table, trained, tmp_path):
    old = tmp_path / "old.csv"
    old.write_text("layer,kind,rate,accuracy,loss\n*,dense,0,0.99,0.1\n")
    result = cortado("plan", old, "--model", trained, "--max-drop", "0.1")
    assert refused(result, 1, "plan", "was written by an earlier cortado", "sweep again")
    path = tmp_path / "plan.json"
    found = plan(table, trained, "--target-bytes", "3000")
    path.write_text(json.dumps({**found, "version": 1}))
    result = cortado("prune", trained, "--plan", path)
    assert refused(result, 1, "prune", "a plan of an earlier cortado", "sweep and plan again")
