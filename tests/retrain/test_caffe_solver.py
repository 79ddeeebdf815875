"""Caffe's solvers give the weights that Caffe 1.0 gives.

`solvers.npz` holds a net, solvers for it, batches, and the weights that Caffe 1.0 had after some
iterations, its MemoryData layer going through the batches in their order.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cortado.bridge import from_torch
from cortado.caffe import Fillers, import_caffe, read_solver, read_training_net
from cortado.data import labelled_images
from cortado.errors import CortadoError
from cortado.progress import finish
from cortado.retrain import RetrainOptions, retrain
from cortado.retrain.constraints import Masked, OnCodebook
from cortado.retrain.passes import prepare
from cortado.retrain.schedule import Schedule
from nets import conv_net, weight, with_weight
from retrain.sets import task, threefold
from samples import everything

GOLDEN = np.load(Path(__file__).parent / "data" / "solvers.npz")
SOLVERS = json.loads(str(GOLDEN["solvers"]))
NET = str(GOLDEN["net"])
BLOBS = {f"{n.split('/')[1]}" for n in GOLDEN.files if n.startswith("start/")}
IMAGES = labelled_images(GOLDEN["x"].reshape(32, 1, 4, 4), GOLDEN["y"].reshape(32).astype(np.int64))
DATA = threefold(IMAGES)


def initializer(blob):
    layer, _, index = blob.rpartition(".")
    return f"{layer}.{('weight', 'bias')[int(index)]}"


def start():
    model = import_caffe(NET, Fillers(0)).model
    for blob in BLOBS:
        model = with_weight(model, initializer(blob), GOLDEN[f"start/{blob}"])
    return model


def options(solver, **changes):
    chosen = {"batch": 4, "iterations": solver.max_iter, "device": "cpu", **changes}
    return RetrainOptions(solver=solver, **chosen)


def read(text):
    """Return the solver of a text, for the net."""
    found = read_solver(text)
    return replace(found.solver, params=read_training_net(NET, found.state).params)


class InOrder:
    """A generator of random numbers that leaves everything in its order."""

    def permutation(self, count):
        return np.arange(count)


@pytest.mark.parametrize("name", SOLVERS)
def test_weights_are_caffes(name):
    model = start()
    loop = prepare(model, task(model, DATA), options(read(SOLVERS[name])))
    finish(loop.epoch(IMAGES, 0, InOrder()))
    found = from_torch(model, loop.module)
    for blob in BLOBS:
        expected, begin = GOLDEN[f"{name}/{blob}"], GOLDEN[f"start/{blob}"]
        np.testing.assert_allclose(weight(found, initializer(blob)), expected, rtol=0, atol=1e-6)
        assert np.array_equal(expected, begin) == (blob == "ip2.0")  # lr_mult: 0


def test_everything_is_restored_from_one_file():
    assert {"sgd", "nesterov", "adagrad", "rmsprop", "adadelta", "adam"} <= SOLVERS.keys()
    assert {read(text).policy for text in SOLVERS.values()} == {
        *("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")
    }


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "clip"])
def test_zeros_and_shared_values_stay(name):
    model = start()
    kernel = weight(model, "ip1.weight").copy()
    kernel[np.abs(kernel) < 0.4] = 0
    shared = np.where(weight(model, "conv.weight") > 0, np.float32(np.pi / 9), -np.float32(0.1))
    model = with_weight(with_weight(model, "ip1.weight", kernel), "conv.weight", shared)
    loop = prepare(model, task(model, DATA), options(read(SOLVERS[name])))
    assert {type(constraint) for constraint in loop.constraints} >= {Masked, OnCodebook}
    finish(loop.epoch(IMAGES, 0, InOrder()))
    found = from_torch(model, loop.module)
    np.testing.assert_array_equal(weight(found, "ip1.weight") == 0, kernel == 0)
    values = weight(found, "conv.weight")
    assert len(set(values[shared > 0])) == len(set(values[shared < 0])) == 1
    assert not np.array_equal(values, shared)


def test_pruned_weights_do_not_count_in_the_norm():
    model = start()
    kernel = weight(model, "ip1.weight").copy()
    kernel[:, ::2] = 0
    model = with_weight(model, "ip1.weight", kernel)
    text = SOLVERS["clip"].replace("max_iter: 5", "max_iter: 1")
    assert text != SOLVERS["clip"]
    solver = read(text)
    loop = prepare(model, task(model, DATA), options(solver))
    finish(loop.epoch(IMAGES, 0, InOrder()))
    found = from_torch(model, loop.module)
    moved = [  # by rate · lr_mult · gradient, clipped
        ("conv.weight", 1.0),
        ("conv.bias", 2.0),
        ("ip1.weight", 0.5),
        ("ip1.bias", 1.0),
        ("ip2.bias", 1.0),
    ]
    steps = [(weight(found, name) - weight(model, name)) / (0.1 * mult) for name, mult in moved]
    norm = np.sqrt(sum((step.astype(np.float64) ** 2).sum() for step in steps))
    assert norm == pytest.approx(solver.clip_gradients, rel=1e-4)


def test_iterations_end_within_an_epoch():
    text = SOLVERS["sgd"].replace("max_iter: 5", "max_iter: 19")
    found = finish(retrain(start(), task(start(), DATA), options(read(text))))
    assert len(found.epochs) == 3  # of 8, 8 and 3 steps
    assert Schedule.of(IMAGES, RetrainOptions(batch=4, epochs=3)) == Schedule(8, 24)


def test_a_net_of_other_layers_is_refused():
    with pytest.raises(CortadoError, match="has none of the model's layers; it has: conv, ip1"):
        prepare(conv_net_of_others(), task(conv_net_of_others()), options(read(SOLVERS["sgd"])))


def conv_net_of_others():
    model = conv_net()
    for name in ("conv1", "fc"):
        for role in ("weight", "bias"):
            value = model.graph.initializers[f"{name}.{role}"]
            value.name = f"other_{name}.{role}"
    return model


def test_more_batches_a_step_than_there_are():
    solver = read(SOLVERS["iter_size"])
    with pytest.raises(CortadoError, match="iter_size 2 of 20 samples needs more than 32 samples"):
        prepare(start(), task(start(), DATA), options(solver, batch=20))


def test_the_seed_of_torch_does_not_matter():
    solver = read(SOLVERS["adam"])
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        results.append(finish(retrain(start(), task(start(), DATA), options(solver))).model)
    for blob in BLOBS:
        first, second = (weight(model, initializer(blob)) for model in results)
        np.testing.assert_array_equal(first, second)


def test_an_epoch_of_fewer_images_than_were_planned_is_shorter():
    loop = prepare(start(), task(start(), DATA), options(read(SOLVERS["sgd"]), iterations=8))
    few = labelled_images(*(array[:12] for array in everything(IMAGES)))
    *_, last = loop.epoch(few, 0, InOrder())
    assert (last.done, last.total) == (3, 3)
