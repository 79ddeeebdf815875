"""Compression in one go: what it promises about the file that comes out."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper

from cortado.compress import CompressOptions, compress
from cortado.compress.ladder import climb
from cortado.compress.stages import Compression, Stage
from cortado.data import IMAGE, labelled_images
from cortado.emit import emit
from cortado.errors import CortadoError, LimitNotMetError, UsageError
from cortado.inspect.describe import describe
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.quantize import quantize
from cortado.retrain import RetrainOptions, retrain
from cortado.scoring.bind import bind
from cortado.scoring.judge import ScoredSamples
from nets import build, conv_net, decoded
from retrain.sets import dataset

DATA = dataset()
MODEL = conv_net()
TASK = bind(MODEL, DATA)
QUICK = CompressOptions(max_drop=0.2, effort="quick", batch=16, shift=0, device="cpu")


@pytest.fixture(scope="module")
def compressed():
    return finish(compress(MODEL, TASK, QUICK))


def test_the_file_holds_the_last_model_bit_for_bit(compressed):
    model = compressed.stages[-1].model
    assert compressed.emitted.data == emit(model, "coded").data


def test_every_layer_shares_at_most_two_to_the_bits_values(compressed):
    model = serial.decode(compressed.emitted.data, "the file")
    for layer in find_layers(model).prunable:
        assert len(np.unique(layer.array[layer.array != 0])) <= 16


def test_the_last_stage_holds_the_floor_on_validation_images(compressed):
    dense, reference = compressed.stages[:2]
    floor = min(dense.val.value, reference.val.value) - QUICK.max_drop
    assert compressed.stages[-1].val.value >= floor
    assert compressed.stages[-1].density < 1


def test_densities_told_are_those_of_the_models(compressed):
    for rung in compressed.stages:
        assert rung.density == describe(rung.model).total.density


def test_the_test_images_are_reported_for_file_and_dense_model(compressed):
    (file,) = compressed.validation.found
    assert file.evaluation.samples == len(DATA.test)
    assert compressed.validation.reference.evaluation.samples == len(DATA.test)


def test_same_seed_same_bytes():
    again = [finish(compress(MODEL, TASK, QUICK)).emitted.data for _ in range(2)]
    assert again[0] == again[1]


def test_the_original_is_left_as_it_is():
    model = conv_net()
    before = serial.encode(model)
    finish(compress(model, TASK, QUICK))
    assert serial.encode(model) == before


def test_an_accuracy_that_nothing_reaches_is_a_limit_not_met():
    options = CompressOptions(floor=1.0, effort="quick", batch=16, shift=0, device="cpu")
    with pytest.raises(LimitNotMetError, match=r"worse than the 1 that its pruned ones should"):
        finish(compress(MODEL, TASK, options))


@pytest.mark.parametrize("drop", [-0.1, float("nan")])
def test_a_drop_below_nothing_is_refused(drop):
    with pytest.raises(UsageError, match="less than nothing"):
        CompressOptions(max_drop=drop)


SCORE = ScoredSamples(TASK.metric, np.ones((1, 1)), TASK.loss, np.zeros((1, 1)))


class Held:
    """Stands in for training: a rung holds where its density is at least some limit."""

    def __init__(self, limit):
        self.limit = limit
        self.densities = []

    def __call__(self, task, start, density, floor):
        self.densities.append(density)
        return Stage("rung", start.model, density, SCORE, holds=density >= self.limit)
        yield  # a generator, as training is


@pytest.mark.parametrize("limit", [0.5, 0.2, 0.12, 0.3, 0.9])
def test_the_ladder_closes_in_on_the_lowest_density_that_holds(monkeypatch, limit):
    rungs = climb_to(monkeypatch, limit, failures=10)
    lowest = min(rung.density for rung in rungs if rung.holds)
    assert limit <= lowest <= limit / 0.8 or lowest == 1


def test_the_ladder_ends_after_so_many_failures(monkeypatch):
    rungs = climb_to(monkeypatch, limit=0.3, failures=2)
    assert [rung.holds for rung in rungs].count(False) == 2


def test_each_rung_starts_from_the_sparsest_that_holds(monkeypatch):
    rungs = climb_to(monkeypatch, limit=0.3, failures=3)
    held = [rung.density for rung in rungs if rung.holds]
    assert held == sorted(held, reverse=True)


def climb_to(monkeypatch, limit, failures):
    from cortado.compress import EFFORTS, ladder

    monkeypatch.setattr(ladder, "_rung", Held(limit))
    model = conv_net()
    effort = replace(EFFORTS["quick"], failures=failures)
    start = Stage("start", model, 1.0, SCORE, holds=True)
    return finish(climb(Compression.of(TASK, QUICK, effort), start, 0.5))


def test_a_model_that_retraining_ruins_is_refused():
    """Else the ruin would be the reference, and any other ruin would hold."""
    training = RetrainOptions(epochs=20, batch=8, device="cpu")
    trained = finish(retrain(MODEL, TASK, training)).model
    wrong = labelled_images(DATA.train.inputs[IMAGE], (DATA.train.labels + 1) % 3)
    options = CompressOptions(effort="quick", batch=16, shift=0, device="cpu")
    with pytest.raises(CortadoError, match="retraining alone takes the validation accuracy"):
        finish(compress(trained, bind(trained, replace(DATA, train=wrong)), options))


def test_a_model_without_layers_or_with_shared_weights_is_refused_at_once():
    relu = decoded(build([helper.make_node("Relu", ["x"], ["y"])]))
    with pytest.raises(CortadoError, match="the model has no prunable layer"):
        finish(compress(relu, TASK, QUICK))
    shared = quantize(conv_net(), [Assignment("*", 2)]).model
    with pytest.raises(CortadoError, match="conv1 share values already"):
        finish(compress(shared, TASK, QUICK))


def test_a_small_model_is_pruned_too():
    """Its first rung would leave next to nothing, and is a lower one."""
    options = CompressOptions(max_drop=0.5, effort="quick", batch=16, shift=0, device="cpu")
    assert finish(compress(MODEL, TASK, options)).stages[-1].density < 0.5
