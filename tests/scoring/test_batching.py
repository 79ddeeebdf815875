"""How samples run together: the axis of the samples in each output, and how many run at once."""

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from cortado.data import ArraySamples
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.prune import prune
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.evaluate import evaluate
from cortado.sensitivity import SweepOptions, Swept, sweep
from nets import build, decoded, normal
from scored import undivided

RNG = np.random.default_rng(0)


def steps_first(batch="N"):
    """Return x (batch, 4 channels, 5 steps) → y (5 steps, batch, 3 classes)."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[2, 0, 1]),
        helper.make_node("MatMul", ["t", "w"], ["y"], "product"),
    ]
    weights = {"w": normal(np.random.default_rng(1), 4, 3)}
    return decoded(build(nodes, weights, {"x": [batch, 4, 5]}, {"y": [5, batch, 3]}))


def reshaping():
    """Return a net that declares any batch and computes with one sample."""
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["y"], "product"),
    ]
    weights = {"shape": np.array([1, 20]), "w": normal(np.random.default_rng(1), 20, 3)}
    return decoded(build(nodes, weights, {"x": ["N", 4, 5]}, {"y": ["N", 3]}))


def samples(targets):
    pixels = np.random.default_rng(2).standard_normal((12, 4, 5)).astype(np.float32)
    return undivided(ArraySamples({"x": pixels}, {"target": targets}))


def outputs_alone(model, data):
    """Return what plain onnxruntime gives for each sample by itself."""
    session = onnxruntime.InferenceSession(serial.encode(model))
    pixels = data.whole.inputs["x"]
    return [session.run(None, {"x": each[None]})[0] for each in pixels]


@pytest.mark.parametrize("batch", ["N", 1, 4])
def test_labels_of_steps_are_compared_with_outputs_whose_samples_are_second(batch):
    labels = np.random.default_rng(3).integers(0, 3, (12, 5))
    model, data = steps_first(batch), samples(labels)
    plain = steps_first()  # the same weights
    found = [each[:, 0].argmax(axis=1) for each in outputs_alone(plain, data)]
    task = bind(model, data, TaskOptions(metric="accuracy"))
    assert finish(evaluate(model, task, data.whole)).value == np.mean(np.array(found) == labels)


def test_character_errors_are_those_of_each_sample():
    rows = np.random.default_rng(3).integers(0, 3, (12, 5))
    model, data = steps_first(), samples(rows)
    task = bind(model, data, TaskOptions(metric="cer"))
    whole = finish(evaluate(model, task, data.whole)).value
    moved = np.stack([each[:, 0] for each in outputs_alone(model, data)])
    parts = task.metric.parts({"y": moved}, {"y": rows})
    assert task.size > 1
    assert whole == task.metric.value(parts)


def test_a_net_that_computes_with_one_sample_runs_them_one_by_one():
    labels = np.random.default_rng(3).integers(0, 3, 12)
    model, data = reshaping(), samples(labels)
    task = bind(model, data)
    found = [int(each.argmax()) for each in outputs_alone(model, data)]
    assert task.size == 1
    assert finish(evaluate(model, task, data.whole)).value == np.mean(np.array(found) == labels)


def test_points_of_a_sweep_are_stacked_along_the_axis_of_the_samples():
    """The convolution has samples first, and so it is stacked; the output has them second."""
    rng = np.random.default_rng(1)
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], "conv"),
        helper.make_node("Transpose", ["c"], ["y"], perm=[2, 0, 1]),
    ]
    weights = {"k": normal(rng, 3, 4, 1)}
    model = decoded(build(nodes, weights, {"x": ["N", 4, 5]}, {"y": [5, "N", 3]}))
    data = samples(np.random.default_rng(3).integers(0, 3, (12, 5)))
    levels = (0.25, 0.5, 0.75)
    swept = Swept(bind(model, data), data.whole)
    table = finish(sweep(model, swept, SweepOptions(treatments={"prune": levels})))
    plain = [row.value for row in table.rows[1:]]
    alone = [value_at(model, data, level) for level in levels]
    assert plain == alone


def value_at(model, data, level):
    """Return the accuracy of a pruned model, sample by sample in plain onnxruntime."""
    changed = prune(model, [Assignment("*", level)]).model
    found = [each[:, 0].argmax(axis=1) for each in outputs_alone(changed, data)]
    return np.mean(np.array(found) == data.whole.targets["target"])
