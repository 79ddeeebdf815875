"""Compression without training: plans carried out, what is left fitted by least squares."""

import contextlib
import re

import numpy as np
import pytest

from cortado.compress import EFFORTS, CompressOptions, compress, passes, stages
from cortado.compress.stages import Compression, judge_stage
from cortado.compress.untrained import fit_small
from cortado.data import IMAGE, Dataset, labelled_images
from cortado.emit import emit
from cortado.errors import LimitNotMetError
from cortado.model.layers.prunable import find_layers
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.retrain import RetrainOptions, retrain
from cortado.runtime import Runtime
from cortado.scoring import judge as scoring
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.judge import Judge
from cortado.stats.noninferior import Limit
from nets import conv_net, mlp
from retrain.sets import dataset

DATA = dataset()
OPTIONS = CompressOptions(max_drop=0.05, train=False, effort="quick")


@pytest.fixture(scope="module")
def trained():
    """Give a network whose accuracy says something."""
    net = conv_net()
    return finish(
        retrain(net, bind(net, DATA), RetrainOptions(epochs=20, batch=8, device="cpu"))
    ).model


@pytest.fixture(scope="module")
def compressed(trained):
    return finish(compress(trained, bind(trained, DATA), OPTIONS))


def test_a_plan_holds_as_the_validation_images_say(trained, compressed):
    referee = Judge(bind(trained, DATA), DATA.val)
    limit = Limit(OPTIONS.max_drop, len(DATA.val), "binary")
    tested = compressed.stages[1:]
    for stage in tested:
        changed = referee.score(stage.model)
        assert stage.holds == limit.shows_within(changed.metric, referee.dense.parts, changed.parts)
    assert tested[-1].holds


def test_the_first_plan_that_does_not_hold_is_the_last_that_is_tested(compressed):
    assert sum(not stage.holds for stage in compressed.stages[1:]) <= 1


def test_validation_images_have_no_part_in_which_plans_are_tested_next(trained):
    """Whatever they are, the same models come in the same order, until one does not hold."""
    others = labelled_images(DATA.val.inputs[IMAGE][::-1], DATA.val.labels)
    orders = []
    for val in (DATA.val, others):
        task = bind(trained, Dataset(DATA.train, val, DATA.test))
        job = Compression.of(task, OPTIONS, EFFORTS["quick"])
        dense = finish(judge_stage(job, "dense", trained, None))
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
    for layer in find_layers(
        finish(compress(trained, bind(trained, DATA), options)).model
    ).prunable:
        assert len(np.unique(layer.array[layer.array != 0])) <= 4


def test_the_original_is_left_as_it_is(trained):
    before = serial.encode(trained)
    finish(compress(trained, bind(trained, DATA), OPTIONS))
    assert serial.encode(trained) == before


def test_an_accuracy_above_that_of_the_dense_model_is_a_limit_not_met(trained):
    options = CompressOptions(floor=1.0, train=False, effort="quick", bits=2)
    noise = labelled_images(DATA.val.inputs[IMAGE], (DATA.val.labels + 1) % 3)
    data = Dataset(DATA.train, noise, DATA.test)
    with pytest.raises(LimitNotMetError, match=r"worse than the 1 that"):
        finish(compress(trained, bind(trained, data), options))


def test_an_accuracy_that_no_plan_holds_is_a_limit_not_met(trained):
    """With four values a layer, and no image to lose, the gentlest plan fails."""
    options = CompressOptions(floor=1.0, train=False, effort="quick", bits=2)
    noise = np.random.default_rng(0).standard_normal((200, 1, 6, 6)).astype(np.float32)
    (found,) = Runtime().open(serial.encode(trained)).run({"x": noise}).values()
    labels = found.argmax(axis=1)
    data = Dataset(DATA.train, labelled_images(noise, labels), DATA.test)
    with pytest.raises(LimitNotMetError, match="no plan is sure to lose"):
        finish(compress(trained, bind(trained, data), options))


def test_each_model_is_scored_and_encoded_once_and_one_file_is_checked(trained, monkeypatch):
    """Comparing models by their files must cost no session, and no model two scores."""
    calls = {name: [] for name in ("scored", "encoded", "checked")}

    def count(place, function, name):
        real = getattr(place, function)

        def counting(*arguments):
            calls[name].append(arguments)  # kept, so that no two have the same id
            return real(*arguments)

        monkeypatch.setattr(place, function, counting)

    count(stages, "encode", "encoded")
    count(passes, "check_decoded", "checked")
    count(scoring.Judge, "_steps", "scored")
    found = finish(compress(trained, bind(trained, DATA), OPTIONS))
    scored = [(id(referee), id(model)) for referee, model, _ in calls["scored"]]
    assert len(scored) == len(set(scored)) >= len(found.stages)
    held = [id(stage.model) for stage in found.stages[1:] if stage.holds]
    assert sorted(id(model) for model, _ in calls["encoded"]) == sorted(held)
    assert [model for model, *_ in calls["checked"]] == [found.model]


def test_values_are_shared_where_the_plan_says_so_alone(trained):
    """With no room at all, the gentlest plan leaves every weight as it is, and holds."""
    options = CompressOptions(max_drop=1e-7, train=False, effort="quick")
    task = bind(trained, DATA.unlabelled, TaskOptions(metric="relative-error"))
    found = finish(compress(trained, task, options))
    layers = zip(find_layers(trained).prunable, find_layers(found.model).prunable, strict=True)
    assert all(np.array_equal(before.array, after.array) for before, after in layers)


@pytest.mark.parametrize(("drop", "is_shared"), [(1e-7, False), (0.3, True)])
def test_biases_are_shared_where_that_alone_costs_little(drop, is_shared):
    net = mlp(sizes=(36, 200, 3))
    options = CompressOptions(max_drop=drop, train=False, effort="quick")
    task = bind(net, DATA.unlabelled, TaskOptions(metric="relative-error"))
    found = finish(compress(net, task, options)).model
    before, after = (layers_biases(model) for model in (net, found))
    assert len(np.unique(before)) > 64
    assert (len(np.unique(after)) <= 65) == is_shared


def layers_biases(model):
    """Return all biases of a model in one array."""
    return np.concatenate([b.const_value.numpy() for b in biases_of(model)])


def biases_of(model):
    return [layer.bias for layer in find_layers(model).prunable]
