"""Compression without training: plans carried out, what is left fitted by least squares."""

import numpy as np
import pytest

from cortado.compress import CompressOptions, compress
from cortado.data import ArraySamples, Dataset
from cortado.emit import emit
from cortado.errors import LimitNotMetError
from cortado.model import serial
from cortado.model.layers import find_layers
from cortado.retrain import RetrainOptions, retrain
from cortado.steps import finish
from nets import conv_net
from retrain.sets import dataset

DATA = dataset()
OPTIONS = CompressOptions(max_drop=0.05, train=False, effort="quick")


@pytest.fixture(scope="module")
def trained():
    """Give a network whose accuracy says something."""
    return finish(retrain(conv_net(), DATA, RetrainOptions(epochs=20, batch=8, device="cpu"))).model


@pytest.fixture(scope="module")
def compressed(trained):
    return finish(compress(trained, DATA, OPTIONS))


def test_the_last_stage_holds_the_floor(compressed):
    dense, *tried = compressed.stages
    for stage in tried:
        assert not stage.holds or stage.val.accuracy >= dense.val.accuracy - 0.05
    assert tried[-1].holds


def test_of_all_that_hold_the_smallest_file_is_taken(compressed):
    sizes = [len(emit(s.model, "coded").data) for s in compressed.stages[1:] if s.holds]
    assert len(compressed.emitted.data) == min(sizes)


def test_labels_of_the_training_images_are_not_used(trained, compressed):
    wrong = ArraySamples(DATA.train.pixels, np.zeros_like(DATA.train.labels))
    data = Dataset(wrong, DATA.val, DATA.test)
    again = finish(compress(trained, data, OPTIONS))
    assert again.emitted.data == compressed.emitted.data


def test_bits_are_the_most_that_a_layer_gets(trained):
    options = CompressOptions(max_drop=0.9, train=False, effort="quick", bits=2)
    for layer in find_layers(finish(compress(trained, DATA, options)).model).prunable:
        assert len(np.unique(layer.array[layer.array != 0])) <= 4


def test_the_original_is_left_as_it_is(trained):
    before = serial.encode(trained)
    finish(compress(trained, DATA, OPTIONS))
    assert serial.encode(trained) == before


def test_an_accuracy_that_no_plan_reaches_is_a_limit_not_met(trained):
    options = CompressOptions(min_accuracy=1.0, train=False, effort="quick", bits=2)
    noise = ArraySamples(DATA.val.pixels, (DATA.val.labels + 1) % 3)
    data = Dataset(DATA.train, noise, DATA.test)
    with pytest.raises(LimitNotMetError, match=r"no plan reaches 1\.0000"):
        finish(compress(trained, data, options))
