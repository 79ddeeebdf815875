"""Compression without training: plans carried out, what is left fitted by least squares."""

import contextlib
import re

import numpy as np
import pytest

from cortado.compress import EFFORTS, CompressOptions, compress
from cortado.compress.stages import Compression, judge
from cortado.compress.untrained import fit_small
from cortado.data import Dataset, labelled_images
from cortado.emit import emit
from cortado.errors import LimitNotMetError
from cortado.model.layers.prunable import find_layers
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.retrain import RetrainOptions, retrain
from cortado.scoring.judge import Judge
from cortado.stats.noninferior import Limit
from nets import conv_net
from retrain.sets import dataset, task

DATA = dataset()
(PIXELS,) = DATA.val.inputs.values()
OPTIONS = CompressOptions(max_drop=0.05, train=False, effort="quick")


@pytest.fixture(scope="module")
def trained():
    """Give a network whose accuracy says something."""
    model, options = conv_net(), RetrainOptions(epochs=20, batch=8, device="cpu")
    return finish(retrain(model, task(model, DATA), options)).model


@pytest.fixture(scope="module")
def compressed(trained):
    return finish(compress(trained, task(trained, DATA), OPTIONS))


def test_a_plan_holds_as_the_validation_images_say(trained, compressed):
    referee, limit = Judge(task(trained, DATA), DATA.val), Limit(OPTIONS.max_drop, len(DATA.val))
    tested = compressed.stages[1:]
    for stage in tested:
        found = referee.score(stage.model)
        assert stage.holds == limit.shows_within(found.metric, referee.dense.parts, found.parts)
    assert tested[-1].holds


def test_the_first_plan_that_does_not_hold_is_the_last_that_is_tested(compressed):
    assert sum(not stage.holds for stage in compressed.stages[1:]) <= 1


def test_validation_images_have_no_part_in_which_plans_are_tested_next(trained):
    """Whatever they are, the same models come in the same order, until one does not hold."""
    others = labelled_images(PIXELS[::-1], DATA.val.labels)
    orders = []
    for val in (DATA.val, others):
        bound = task(trained, Dataset(DATA.train, val, DATA.test))
        job = Compression.of(bound, OPTIONS, EFFORTS["quick"])
        dense = finish(judge(job, "dense", trained, None))
        steps = list(_messages(fit_small(job, dense)))
        orders.append([line.partition(":")[0] for line in steps if "of weights" in line])
    shorter, longer = sorted(orders, key=len)
    assert len(shorter) > 1
    assert longer[: len(shorter)] == shorter


def _messages(steps):
    """Yield what is said on the way, whether or not a limit is met."""
    with contextlib.suppress(LimitNotMetError):
        yield from (progress.message for progress in steps)


def test_plans_are_called_by_their_places_on_the_chain(compressed):
    """Not by the bytes that they foretell: those of the file are others, as it holds more."""
    names = [stage.name for stage in compressed.stages[1:]]
    places = [tuple(map(int, re.findall(r"\d+", name))) for name in names]
    assert names == [f"plan {place} of {length}" for place, length in places]
    assert len({length for _, length in places}) == 1
    assert min(places)[0] == 1
    sizes = [len(emit(stage.model, "coded").data) for stage in compressed.stages[1:]]
    assert sizes[places.index(min(places))] == max(sizes)


def test_of_all_that_hold_the_smallest_file_is_taken(compressed):
    sizes = [len(emit(s.model, "coded").data) for s in compressed.stages[1:] if s.holds]
    assert len(compressed.emitted.data) == min(sizes)


def test_the_sweep_that_plans_were_made_of_is_kept(compressed):
    assert {curve.treatment for curve in compressed.curves.curves} == {"prune", "bits"}
    assert compressed.curves.dense.split == "train"


def test_bits_are_the_most_that_a_layer_gets(trained):
    options = CompressOptions(max_drop=0.9, train=False, effort="quick", bits=2)
    shared = finish(compress(trained, task(trained, DATA), options)).model
    for layer in find_layers(shared).prunable:
        assert len(np.unique(layer.array[layer.array != 0])) <= 4


def test_the_original_is_left_as_it_is(trained):
    before = serial.encode(trained)
    finish(compress(trained, task(trained, DATA), OPTIONS))
    assert serial.encode(trained) == before


def test_an_accuracy_above_that_of_the_dense_model_is_a_limit_not_met(trained):
    options = CompressOptions(floor=1.0, train=False, effort="quick", bits=2)
    noise = labelled_images(PIXELS, (DATA.val.labels + 1) % 3)
    data = Dataset(DATA.train, noise, DATA.test)
    with pytest.raises(LimitNotMetError, match="worse than the 1 that"):
        finish(compress(trained, task(trained, data), options))


def test_an_accuracy_that_no_plan_holds_is_a_limit_not_met(trained):
    """With four values a layer, and no image to lose, the gentlest plan fails."""
    options = CompressOptions(floor=1.0, train=False, effort="quick", bits=2)
    noise = np.random.default_rng(0).standard_normal((200, 1, 6, 6)).astype(np.float32)
    images = labelled_images(noise, np.zeros(200, np.int64))
    bound = task(trained, Dataset(images, images, images))
    answers = bound.answers(bound.open(trained), images)
    labels = np.concatenate([answer.outputs["y"].argmax(axis=1) for answer in answers])
    data = Dataset(DATA.train, labelled_images(noise, labels), DATA.test)
    with pytest.raises(LimitNotMetError, match="no plan is sure to lose"):
        finish(compress(trained, task(trained, data), options))
