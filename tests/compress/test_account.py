"""What a compression tells of itself: figures that add up to the file."""

import numpy as np
import pytest

from cortado.compress import CompressOptions, account_for, compress, sweep_beside
from cortado.compress.account import size_change
from cortado.emit import emit
from cortado.inspect.describe import describe
from cortado.model.layers.prunable import find_layers
from cortado.progress import finish
from cortado.scoring.bind import bind
from nets import conv_net
from retrain.sets import dataset

MODEL = conv_net()
TASK = bind(MODEL, dataset())
OPTIONS = CompressOptions(max_drop=0.3, effort="quick", batch=16, shift=0, device="cpu")


@pytest.fixture(scope="module")
def compressed():
    return finish(compress(MODEL, TASK, OPTIONS))


@pytest.fixture(scope="module")
def account(compressed):
    curves = finish(sweep_beside(compressed, TASK, OPTIONS))
    return finish(account_for(compressed, curves))


def test_bytes_of_a_stage_are_those_of_the_file_that_it_would_be(account, compressed):
    for told, stage in zip(account.stages, compressed.stages, strict=True):
        assert told.bytes == len(emit(stage.model, "coded").data)


def test_parts_add_up_to_the_file(account, compressed):
    parts = account.total.stored_bytes + account.graph_bytes
    assert parts == pytest.approx(len(compressed.emitted.data))
    assert account.total.dense_bytes == account.dense_bytes


def test_layers_are_those_of_the_model(account, compressed):
    figures = describe(compressed.model)
    assert [(x.name, x.weights, x.nonzero, x.distinct) for x in account.layers] == [
        (x.name, x.weights, x.nonzero, x.distinct) for x in figures.layers
    ]


def test_each_layer_is_marked_where_it_is_in_the_file(account, compressed):
    layers = {layer.name: layer.array for layer in find_layers(compressed.model).prunable}
    marked = {(c.layer, c.treatment): account.reached(c) for c in account.curves.curves}
    for name, array in layers.items():
        if np.any(array == 0):
            assert marked[name, "prune"].level == pytest.approx(np.mean(array == 0))
        values = len(np.unique(array[array != 0]))
        bits = marked[name, "bits"]
        assert bits is None or 2 ** (bits.level - 1) < values <= 2**bits.level


def test_latencies_of_both_are_measured(compressed):
    (file,) = compressed.validation.found
    assert min(file.latency.median, compressed.validation.reference.latency.median) > 0


def test_a_change_of_size_is_told_in_its_direction():
    assert size_change(1000, 250) == "4.0 times smaller"
    assert size_change(1000, 1000) == "1.0 times smaller"
    assert size_change(1000, 1013) == "1.01 times larger"
