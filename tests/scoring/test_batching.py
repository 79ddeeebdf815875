"""How samples run together: the axis of the samples in each output, and how many run at once."""

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from cortado.data import ArraySamples
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.evaluate import evaluate
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
