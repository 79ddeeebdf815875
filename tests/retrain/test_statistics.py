"""Statistics of BatchNormalizations around a training."""

import numpy as np
import onnxruntime
import pytest

from cortado.data import ArraySamples, Dataset
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.retrain import RetrainOptions, retrain
from cortado.retrain.statistics import refresh_statistics
from cortado.runtime import Runtime
from cortado.scoring.evaluate import evaluate
from nets import conv_net, weight
from retrain.sets import dataset
from test_batchnorm import residual

DATA = dataset(120, (1, 8, 8))


def options(**changes):
    return RetrainOptions(**{"epochs": 1, "batch": 20, "device": "cpu", **changes})


def variance(model):
    return weight(model, "bn1.running_var")


def test_kept_statistics_stay_bit_for_bit():
    _, model = residual()
    found = finish(retrain(model, DATA, options(batchnorm="keep"))).model
    assert np.array_equal(variance(found), variance(model))


def test_wrong_statistics_are_measured_again():
    _, model = residual()
    kept, measured = (
        finish(retrain(model, DATA, options(batchnorm=choice))) for choice in ("keep", "measure")
    )
    assert not np.array_equal(variance(measured.model), variance(model))
    assert measured.epochs[-1].val.loss < kept.epochs[-1].val.loss


@pytest.mark.parametrize("images", [DATA.train, None])
def test_only_better_statistics_are_taken(images):
    _, model = residual()
    far = ArraySamples(DATA.train.pixels * 1e3, DATA.train.labels)
    data = Dataset(images or far, DATA.val, DATA.test)
    old, new = model, finish(refresh_statistics(model, data, None, "now"))
    before, after = (finish(evaluate(net, data.val, data.classes)).loss for net in (old, new))
    assert after <= before
    assert (new is old) == (after == before)


def test_the_verdict_is_told():
    _, model = residual()
    messages = [p.message for p in refresh_statistics(model, DATA, None, "now") if p.message]
    assert len(messages) == 1
    assert messages[0].startswith("statistics of 3 normalizations measured now: validation loss ")


def test_without_normalizations_nothing_happens():
    model = conv_net()
    data = dataset(40)
    assert finish(refresh_statistics(model, data, None, "now")) is model
    found = finish(retrain(model, data, options(epochs=0))).model
    assert serial.encode(found) == serial.encode(model)


def test_statistics_are_measured_where_models_are_said_to_run(monkeypatch):
    threads, real = [], onnxruntime.InferenceSession

    def note(data, options, providers, **others):
        threads.append(options.intra_op_num_threads)
        return real(data, options, providers=providers)

    monkeypatch.setattr("onnxruntime.InferenceSession", note)
    _, model = residual()
    finish(retrain(model, DATA, options(runtime=Runtime(threads=3))))
    assert len(threads) > 4  # the heads, and pieces and scores before and after
    assert set(threads) == {3}
