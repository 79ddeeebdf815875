"""Compression with training, on samples without labels: the dense model is the teacher."""

import numpy as np
import onnxruntime
import pytest

from cortado.compress import CompressOptions, compress
from cortado.data import Feed
from cortado.errors import UsageError
from cortado.model.layers.prunable import find_layers
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.scoring.bind import bind
from nets import conv_net, two_heads
from retrain.sets import dataset

DATA = dataset(train=200).unlabelled


def options(max_drop):
    return CompressOptions(max_drop=max_drop, effort="quick", batch=16, shift=0, device="cpu")


def run(model, samples):
    """Return what plain onnxruntime gives for all samples."""
    session = onnxruntime.InferenceSession(serial.encode(model))
    return session.run(None, Feed.of(model)(samples.take(np.arange(len(samples)))))


@pytest.fixture(scope="module", params=["agreement", "relative-error"])
def case(request):
    """Give the metric, the dense model, and what became of it."""
    model = conv_net() if request.param == "agreement" else two_heads()
    return request.param, model, finish(compress(model, bind(model, DATA), options(0.3)))


def test_the_metric_compares_with_the_dense_model(case):
    metric, _, found = case
    assert {stage.val.metric.name for stage in found.stages} == {metric}


def test_the_file_is_within_the_limit_and_pruned(case):
    metric, model, found = case
    dense, small = run(model, DATA.val), run(found.model, DATA.val)
    assert found.stages[-1].density < 1
    if metric == "agreement":
        assert np.mean(dense[0].argmax(1) == small[0].argmax(1)) >= 0.7
    else:
        pairs = zip(dense, small, strict=True)
        assert np.mean([np.linalg.norm(a - b) / np.linalg.norm(a) for a, b in pairs]) <= 0.3


def test_values_are_shared(case):
    _, _, found = case
    for layer in find_layers(found.model).prunable:
        assert len(np.unique(layer.array[layer.array != 0])) <= 16


def test_the_dense_model_is_not_retrained(case):
    _, model, found = case
    assert found.stages[1].name == "reference"
    assert found.stages[1].model is model


def test_a_metric_without_a_usual_drop_needs_a_limit():
    model = two_heads()
    with pytest.raises(UsageError, match="max-drop"):
        finish(compress(model, bind(model, DATA), options(None)))
