"""Statistics of BatchNormalizations around a training."""

import numpy as np
import onnxruntime
import pytest

from cortado.data import Dataset, labelled_images
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.retrain import RetrainOptions, retrain
from cortado.retrain.statistics import refresh_statistics
from cortado.runtime import Runtime
from cortado.scoring.evaluate import evaluate
from nets import conv_net, weight
from retrain.sets import dataset, task
from samples import everything
from test_batchnorm import residual

DATA = dataset(120, (1, 8, 8))


def options(**changes):
    return RetrainOptions(**{"epochs": 1, "batch": 20, "device": "cpu", **changes})


def variance(model):
    return weight(model, "bn1.running_var")


def test_kept_statistics_stay_bit_for_bit():
    _, model = residual()
    found = finish(retrain(model, task(model, DATA), options(batchnorm="keep"))).model
    assert np.array_equal(variance(found), variance(model))


def test_wrong_statistics_are_measured_again():
    _, model = residual()
    kept, measured = (
        finish(retrain(model, task(model, DATA), options(batchnorm=choice)))
        for choice in ("keep", "measure")
    )
    assert not np.array_equal(variance(measured.model), variance(model))
    assert measured.epochs[-1].val.loss < kept.epochs[-1].val.loss


@pytest.mark.parametrize("images", [DATA.train, None])
def test_only_better_statistics_are_taken(images):
    _, model = residual()
    seen = everything(DATA.train)
    far = labelled_images(seen.pixels * 1e3, seen.labels)
    bound = task(model, Dataset(images or far, DATA.val, DATA.test))
    old, new = model, finish(refresh_statistics(model, bound, options(), "now"))
    before, after = (finish(evaluate(net, bound, bound.data.val)).loss for net in (old, new))
    assert after <= before
    assert (new is old) == (after == before)


def test_the_verdict_is_told():
    _, model = residual()
    steps = refresh_statistics(model, task(model, DATA), options(), "now")
    messages = [p.message for p in steps if p.message]
    assert len(messages) == 1
    assert messages[0].startswith("statistics of 3 normalizations measured now: validation loss ")


def test_without_normalizations_nothing_happens():
    model = conv_net()
    bound = task(model)
    assert finish(refresh_statistics(model, bound, options(), "now")) is model
    found = finish(retrain(model, bound, options(epochs=0))).model
    assert serial.encode(found) == serial.encode(model)


def test_statistics_are_measured_where_models_are_said_to_run(monkeypatch):
    threads, real = [], onnxruntime.InferenceSession

    def note(data, options, providers, **others):
        threads.append(options.intra_op_num_threads)
        return real(data, options, providers=providers)

    monkeypatch.setattr("onnxruntime.InferenceSession", note)
    _, model = residual()
    finish(retrain(model, task(model, DATA, Runtime(threads=3)), options()))
    assert len(threads) > 4  # the heads, and pieces and scores before and after
    assert set(threads) == {3}
