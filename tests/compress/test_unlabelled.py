"""Compression with training on data without labels: the dense model is all there is to learn."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from cortado.compress import EFFORTS, CompressOptions, compress
from cortado.data import IMAGE, ArraySamples, Dataset
from cortado.errors import LimitNotMetError, UsageError
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.prune import PruneOptions, prune
from cortado.retrain import RetrainOptions, retrain
from cortado.scoring.bind import bind
from nets import build, conv_net, decoded, normal
from retrain.sets import dataset

DATA = dataset(train=120).unlabelled
QUICK = CompressOptions(max_drop=0.15, effort="quick", batch=16, shift=0, device="cpu")
NUMBERS = CompressOptions(max_drop=0.5, effort="quick", batch=16, shift=0, device="cpu")


def run(model, inputs):
    """Return what stock onnxruntime gives for a model or the bytes of a file."""
    data = model if isinstance(model, bytes) else serial.encode(model)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, dict(inputs))


@pytest.fixture(scope="module", autouse=True)
def short():
    """Train for a few steps only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EFFORTS, "quick", replace(EFFORTS["quick"], failures=3, least_steps=30))
        yield


@pytest.fixture(scope="module")
def trained():
    """Give a network whose choices say something."""
    net, labelled = conv_net(), dataset(train=120)
    options = RetrainOptions(epochs=10, batch=8, device="cpu")
    return finish(retrain(net, bind(net, labelled), options)).model


@pytest.fixture(scope="module")
def compressed(trained):
    return finish(compress(trained, bind(trained, DATA), QUICK))


def agreement(dense, changed):
    inputs = {"x": DATA.val.take(np.arange(len(DATA.val))).inputs[IMAGE]}
    (wanted,), (found,) = run(dense, inputs), run(changed, inputs)
    return (wanted.argmax(axis=1) == found.argmax(axis=1)).mean()


def test_a_classifier_is_held_to_the_choices_of_the_dense_model(trained, compressed):
    last = compressed.stages[-1]
    assert last.val.metric.name == "agreement"
    assert last.val.value == pytest.approx(agreement(trained, compressed.emitted.data))
    assert last.val.value >= 1 - QUICK.max_drop
    assert last.holds


def test_it_is_pruned_and_shared(compressed):
    model = serial.decode(compressed.emitted.data, "the file")
    assert compressed.stages[-1].density < 0.5
    for layer in find_layers(model).prunable:
        assert len(np.unique(layer.array[layer.array != 0])) <= 16


def test_the_dense_model_is_the_reference_and_judged_once(compressed):
    names = [stage.name for stage in compressed.stages]
    assert names[0] == "dense"
    assert "reference" not in names
    assert names.count("dense") == 1
    assert compressed.stages[0].val.value == 1


def test_training_makes_up_for_what_pruning_takes(trained, compressed):
    sparsest = [
        stage for stage in compressed.stages if stage.name.startswith("prune") and stage.holds
    ]
    last = sparsest[-1]
    cut = prune(trained, [Assignment("*", 1 - last.density)], PruneOptions("lamp")).model
    assert last.val.value > agreement(trained, cut)


def two_by_two():
    """Return a net of numbers and tokens that gives numbers for each, and data for it."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["embedded"], "embed"),
        helper.make_node("ReduceMean", ["embedded"], ["mean"], "pool", axes=[1], keepdims=0),
        helper.make_node("Gemm", ["numbers", "enter"], ["entered"], "enter"),
        helper.make_node("Add", ["entered", "mean"], ["sum"], "join"),
        helper.make_node("Tanh", ["sum"], ["hidden"], "tanh"),
        helper.make_node("Gemm", ["hidden", "left"], ["first"], "left"),
        helper.make_node("MatMul", ["embedded", "right"], ["second"], "right"),
    ]
    weights = {
        "table": normal(rng, 11, 16),
        "enter": normal(rng, 6, 16),
        "left": normal(rng, 16, 4),
        "right": normal(rng, 16, 3),
    }
    proto = build(
        nodes,
        weights,
        {"numbers": ["N", 6]},
        {"first": ["N", 4], "second": ["N", "T", 3]},
    )
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["N", "T"])
    proto.graph.input.append(tokens)
    onnx.checker.check_model(proto, full_check=True)
    parts = (
        ArraySamples(
            {
                "numbers": rng.standard_normal((count, 6)).astype(np.float32),
                "tokens": rng.integers(0, 11, (count, 5)),
            }
        )
        for count in (200, 40, 40)
    )
    return decoded(proto), Dataset(*parts)


@pytest.fixture(scope="module")
def numbers():
    model, data = two_by_two()
    return model, data, finish(compress(model, bind(model, data), NUMBERS))


def test_any_other_net_is_held_to_the_relative_error_of_all_outputs(numbers):
    model, data, found = numbers
    inputs = data.val.inputs
    pairs = list(zip(run(model, inputs), run(found.emitted.data, inputs), strict=True))
    last = found.stages[-1]
    assert last.val.metric.name == "relative-error"
    assert 0 < last.val.value <= NUMBERS.max_drop
    errors = [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in pairs]
    assert min(errors) <= last.val.value <= max(errors)
    assert last.density < 1


def test_every_layer_of_such_a_net_is_trained(numbers):
    """All outputs are learned, and so all that leads to them."""
    model, _, found = numbers
    pairs = zip(find_layers(model).prunable, find_layers(found.model).prunable, strict=True)
    for before, after in pairs:
        kept = after.array != 0
        assert not np.isin(after.array[kept], before.array[kept]).all()


def test_a_metric_without_a_usual_limit_needs_one_said():
    model, data = two_by_two()
    with pytest.raises(UsageError, match="relative-error has no usual limit: say --max-drop"):
        finish(compress(model, bind(model, data), CompressOptions(effort="quick")))


def test_a_floor_that_the_dense_model_misses_is_a_limit_not_met(trained):
    options = CompressOptions(floor=1.01, effort="quick", device="cpu")
    with pytest.raises(LimitNotMetError, match=r"agreement of the dense model is 1\.0000"):
        finish(compress(trained, bind(trained, DATA), options))
