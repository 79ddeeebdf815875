"""Weight sharing of a rung: 4 bits everywhere, or bits of each layer's own."""

from dataclasses import replace

import numpy as np
import pytest

from cortado.compress import EFFORTS, CompressOptions
from cortado.compress.share import share_best
from cortado.compress.stages import Compression, Stage
from cortado.emit import emit
from cortado.errors import LimitNotMetError
from cortado.model.layers.prunable import find_layers
from cortado.progress import finish
from cortado.scoring.bind import bind
from cortado.scoring.judge import ScoredSamples
from nets import mlp
from retrain.sets import dataset

DATA = dataset(shape=(36,))
OPTIONS = CompressOptions(effort="quick", batch=16, shift=0, device="cpu")


def share(floor, **changes):
    """Return what comes of the rung of a model whose layers have hundreds of weights."""
    options = replace(OPTIONS, **changes)
    task = bind(mlp(sizes=(36, 80, 3)), DATA)
    score = ScoredSamples(task.metric, np.ones((1, 1)), task.loss, np.zeros((1, 1)))
    rung = Stage("dense", task.model, 1.0, score, holds=True)
    job = Compression.of(task, options, replace(EFFORTS["quick"], least_steps=4))
    return finish(share_best(job, [rung], floor))


def values(stage):
    return [len(np.unique(x.array[x.array != 0])) for x in find_layers(stage.model).prunable]


@pytest.fixture(scope="module")
def shared():
    return share(0.0)


def test_four_bits_come_first_and_then_a_plan(shared):
    names = [stage.name for stage in shared]
    assert "share 16 values" in names
    assert any(name != "share 16 values" for name in names)


def test_the_last_is_the_smallest_that_holds(shared):
    sizes = [len(emit(stage.model, "coded").data) for stage in shared if stage.holds]
    assert len(emit(shared[-1].model, "coded").data) == min(sizes)
    assert shared[-1].holds


def test_no_layer_shares_more_values_than_the_name_says(shared):
    for stage in shared:
        most = int(stage.name.split()[-2])
        assert max(values(stage)) <= max(most, 16)


def test_bits_that_are_given_are_those_of_all_layers():
    (only,) = share(0.0, bits=2)
    assert only.name == "share 4 values"
    assert max(values(only)) <= 4


def test_a_floor_that_nothing_reaches_is_a_limit_not_met():
    with pytest.raises(LimitNotMetError, match="no model with 4-bit shared weights"):
        share(1.1)
