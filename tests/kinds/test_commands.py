"""Every command on nets of every kind: what it says is what a plain loop finds."""

import csv
import json

import numpy as np
import onnx
import pytest

from cli.program import cortado, done, refused

pytest.importorskip("kinds")

from kinds import jobs, running

KINDS = {
    "encoder, torchscript": (jobs.encoder_job, "torchscript"),
    "encoder, dynamo": (jobs.encoder_job, "dynamo"),
    "U-Net": (jobs.unet_job, "torchscript"),
    "detector": (jobs.detector_job, "dynamo"),
    "recogniser": (jobs.recogniser_job, "torchscript"),
    "speech": (jobs.speech_job, ""),
    "Loop": (jobs.loop_job, ""),
    "Scan": (jobs.scan_job, ""),
}
RATE, BITS = 0.5, 3
_FRAME = 2_000  # bytes of a file that has next to no weights


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def job(request, tmp_path_factory):
    make, exporter = request.param
    return make(tmp_path_factory.mktemp("kind"), exporter)


@pytest.fixture(scope="module")
def table(job):
    """Give a table of one level of zeros and one of shared values of each layer."""
    path = job.model.with_name("table.csv")
    data = ("--data", job.data, *job.options, "--split", "val")
    levels = ("--treatment", f"prune={RATE}", "--treatment", f"bits={BITS}")
    done("sensitivity", job.model, *data, *levels, "-q", "-o", path)
    return path


@pytest.fixture(scope="module")
def pruned(job):
    path = job.model.with_name("pruned.onnx")
    done("prune", job.model, "--sparsity", 0.6, "-q", "-o", path)
    return path


@pytest.fixture(scope="module")
def shared(job):
    path = job.model.with_name("shared.onnx")
    done("quantize", job.model, "--bits", BITS, "-q", "-o", path)
    return path


def weights_of(path):
    """Return the arrays of a file with two axes or more, those in bodies too."""
    model = onnx.load(path)
    found = {}
    for graph in graphs_of(model.graph):
        found |= {x.name: onnx.numpy_helper.to_array(x) for x in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].HasField("t"):
                found[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    return {n: x for n, x in found.items() if x.ndim > 1 and x.dtype == np.float32}


def graphs_of(graph):
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from graphs_of(attribute.g)


def pruned_layers(path):
    (model,) = json.loads(done("inspect", path, "--json", "-"))["models"]
    return {layer["name"] for layer in model["layers"]}


def no_worse(job, found, limit, slack=0.0):
    """Return whether a value of the metric is at least as good as another."""
    return found >= limit - slack if job.higher_is_better else found <= limit + slack


def test_inspect_lists_the_layers(job):
    assert len(pruned_layers(job.model)) == job.layers


def test_evaluate_finds_what_a_plain_loop_finds(job, pruned):
    words = ("--reference", job.model, "--data", job.data, *job.options, "--json", "-")
    report = json.loads(done("evaluate", pruned, *words))
    assert report["value"] == pytest.approx(job.value(pruned), rel=1e-4, abs=1e-6)


def test_a_sweep_finds_what_each_change_by_itself_costs(job, table, tmp_path):
    rows = list(csv.DictReader(table.open()))
    points = [row for row in rows if row["treatment"] in ("prune", "bits")]
    assert {row["layer"] for row in points} == pruned_layers(job.model)
    assert len(points) == 2 * job.layers
    names = {row["layer"] for row in points}
    # the name of a recurrent node selects the weights of its state too
    single = [row for row in points if row["value"] and f"{row['layer']}.state" not in names]
    for row in single[:: max(1, len(single) // 8)]:
        path = tmp_path / "changed.onnx"
        if row["treatment"] == "prune":
            done("prune", job.model, "--sparsity", f"{row['layer']}={RATE}", "-q", "-o", path)
        else:
            done("quantize", job.model, "--bits", f"{row['layer']}={BITS}", "-q", "-o", path)
        wanted = job.value(path, "val")
        assert float(row["value"]) == pytest.approx(wanted, rel=1e-3, abs=1e-5), row["layer"]


def test_a_plan_is_made_and_carried_out(job, table, tmp_path):
    plan, pruned, small = (tmp_path / name for name in ("plan.json", "p.onnx", "s.onnx"))
    done("plan", table, "--model", job.model, "--max-drop", job.drop, "-q", "-o", plan)
    done("prune", job.model, "--plan", plan, "-q", "-o", pruned)
    done("quantize", pruned, "--plan", plan, "-q", "-o", small)
    layers = json.loads(plan.read_text())["layers"]
    assert {layer["name"] for layer in layers} == pruned_layers(job.model)
    assert np.isfinite(job.value(small))


def test_training_keeps_zeros_and_gains_back_what_they_cost(job, pruned, tmp_path):
    path = tmp_path / "retrained.onnx"
    teacher = () if job.losses else ("--distill", job.model)
    options = ("--epochs", 6, "--lr", 0.003, "--batch", 16, "--device", "cpu", "-q", "-o", path)
    words = ("retrain", pruned, "--data", job.data, *job.losses, *teacher, *options)
    if job.lacking:
        assert refused(cortado(*words), 1, "retrain", job.lacking)
        return
    done(*words)
    for name, before in weights_of(pruned).items():
        assert not weights_of(path)[name][before == 0].any()
    assert no_worse(job, job.value(path), job.value(pruned))


def test_shared_values_are_few_and_the_emitted_file_gives_the_same(job, shared, tmp_path):
    for name, before in weights_of(job.model).items():
        found = weights_of(shared)[name]
        changed = not np.array_equal(before, found)
        assert not changed or len(np.unique(found[found != 0])) <= 2**BITS
    small = tmp_path / "small.onnx"
    done("emit", shared, "-q", "-o", small)
    for a, b in zip(job.outputs(shared, "test"), job.outputs(small, "test"), strict=True):
        for left, right in zip(a, b, strict=True):
            assert running.largest_difference(left, right) < 1e-5
    done("validate", small, "--reference", shared, "--data", job.data, "--atol", 1e-4, "-q")


COMPRESSED = ("recogniser", "speech", "Loop")
"""The others take longer, and by the same way."""


def test_compression_without_training_is_within_its_limit(job, request, tmp_path):
    if not any(kind in request.node.name for kind in COMPRESSED):
        pytest.skip("only some kinds are compressed")
    small, report = tmp_path / "small.onnx", tmp_path / "report.json"
    dense = job.value(job.model, "val")
    floor = dense - job.drop if job.higher_is_better else dense + job.drop
    words = ("compress", job.model, "--data", job.data, *job.options, "--no-train")
    options = ("--floor", floor, "--effort", "quick", "-q", "-o", small, "--json", report)
    done(*words, *options)
    assert no_worse(job, job.value(small, "val"), floor)
    assert small.stat().st_size < max(job.model.stat().st_size, _FRAME)
    told = json.loads(report.read_text())["test"]["file"]["value"]
    assert told == pytest.approx(job.value(small), rel=1e-3, abs=1e-5)
