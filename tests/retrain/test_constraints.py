"""Zeros stay zero and shared values stay shared, whatever the optimizer does."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cortado.errors import CortadoError
from cortado.model.layers.grid import find_step
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.progress import finish
from cortado.prune import prune
from cortado.quantize import QuantizeOptions, quantize
from cortado.retrain import RetrainOptions, retrain
from cortado.retrain.constraints import Masked, OnCodebook, OnGrid, constrain
from nets import conv_net, mlp, weight, with_weight
from retrain.sets import dataset, task
from samples import everything

DATA = dataset(40)
PRUNED = prune(conv_net(), [Assignment("*", 0.5)]).model
SHARED_VALUES = quantize(PRUNED, [Assignment("*", 2)]).model
ON_GRID = quantize(PRUNED, [Assignment("*", 4)], QuantizeOptions(grid="uniform")).model
LAYERS = ["conv1.weight", "fc.weight"]


def retrained(model, data=DATA, **changes):
    settings = {"epochs": 2, "batch": 8, "device": "cpu", "lr": 0.01, **changes}
    return finish(retrain(model, task(model, data), RetrainOptions(**settings))).model


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_zeros_stay_zero_and_the_others_move(optimizer, decay):
    found = retrained(PRUNED, optimizer=optimizer, weight_decay=decay, shift=1)
    for name in LAYERS:
        before, after = weight(PRUNED, name), weight(found, name)
        np.testing.assert_array_equal(after == 0, before == 0)
        assert (after != before)[before != 0].mean() > 0.9


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_shared_values_stay_shared_and_move(optimizer, decay):
    found = retrained(SHARED_VALUES, optimizer=optimizer, weight_decay=decay)
    for name in LAYERS:
        before, after = weight(SHARED_VALUES, name), weight(found, name)
        np.testing.assert_array_equal(after == 0, before == 0)
        for value in np.unique(before[before != 0]):
            members = after[before == value]
            assert (members == members[0]).all()
            assert members[0] != value


def test_retraining_after_weight_sharing_leaves_no_more_values():
    found = retrained(SHARED_VALUES, epochs=3)
    for name in LAYERS:
        values = weight(found, name)
        assert len(np.unique(values[values != 0])) <= 4


def test_a_step_on_shared_values_is_a_step_on_the_codebook():
    """One step of SGD with momentum, against autograd through weights = codebook[labels]."""
    data = dataset(8)
    found = retrained(
        SHARED_VALUES, data, epochs=1, optimizer="sgd", rate="constant", weight_decay=0.05
    )
    books, dense = {}, {}
    for name in LAYERS:
        array = weight(SHARED_VALUES, name)
        values = np.unique(array[array != 0])
        book = torch.tensor(values, requires_grad=True)
        labels = torch.tensor(np.searchsorted(values, array).clip(max=len(values) - 1))
        books[name] = book
        dense[name] = book[labels] * torch.tensor(array != 0)
    biases = {
        name: torch.tensor(weight(SHARED_VALUES, name).copy(), requires_grad=True)
        for name in ("conv1.bias", "fc.bias")
    }
    moved = [*books.values(), *biases.values()]
    seen, order = everything(data.train), np.random.default_rng(0).permutation(8)
    x = torch.tensor(seen.pixels[order])
    h = F.relu(F.conv2d(x, dense["conv1.weight"], biases["conv1.bias"])).flatten(1)
    logits = F.linear(h, dense["fc.weight"], biases["fc.bias"])
    F.cross_entropy(logits, torch.tensor(seen.labels[order])).backward()
    for parameter in moved:
        step = parameter.grad + 0.05 * parameter.detach()
        expected = (parameter.detach() - 0.01 * step).numpy()
        name = next(n for n, p in {**books, **biases}.items() if p is parameter)
        array = weight(found, name)
        if name in books:
            before = weight(SHARED_VALUES, name)
            array = np.array([array[before == v][0] for v in np.unique(before[before != 0])])
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-7)


def test_the_gradient_of_a_shared_value_is_the_sum_over_its_members():
    values = torch.tensor([[0.0, 1.0, 2.0], [2.0, 0.0, 2.0]])
    weights = nn.Parameter(values.clone())
    shared = OnCodebook("fc", weights, torch.tensor([1.0, 2.0]))
    weights.grad = torch.tensor([[9.0, 1.0, 2.0], [4.0, 9.0, 8.0]])
    shared.after_backward()
    assert shared.codebook.grad.tolist() == [1.0, 14.0]
    assert weights.grad is None


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_uniform_grid_keeps_its_integers_and_moves_its_step(optimizer, decay):
    found = retrained(ON_GRID, optimizer=optimizer, weight_decay=decay)
    for name in LAYERS:
        before, after = weight(ON_GRID, name), weight(found, name)
        old, new = find_step(before, 7), find_step(after, 7)
        assert new is not None
        assert new != old
        np.testing.assert_array_equal(np.rint(after / new), np.rint(before / old))


def test_the_gradient_of_the_reach_is_that_of_autograd():
    integers = torch.tensor([[0.0, 1.0, -3.0], [2.0, 0.0, -1.0]])
    weights = nn.Parameter(integers * 0.25)
    grid = OnGrid("fc", weights, 0.25)
    gradients = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    reach = torch.tensor(0.75, requires_grad=True)
    (integers * (reach / 3) * gradients).sum().backward()
    weights.grad = gradients
    grid.after_backward()
    assert grid.reach.grad.item() == pytest.approx(reach.grad.item(), rel=1e-6)
    assert weights.grad is None


def test_tampering_with_a_weight_on_a_grid_is_noticed():
    weights = nn.Parameter(torch.tensor([0.0, 0.5, 1.0, -0.5]))
    grid = OnGrid("fc", weights, 0.5)
    grid.check()
    with torch.no_grad():
        weights[1] += 1e-6
    with pytest.raises(CortadoError, match="moved weights of fc off their uniform grid"):
        grid.check()


def test_a_layer_on_a_grid_whose_weights_all_differ_stays_on_it():
    array = np.arange(-7, 8, dtype=np.float32).reshape(3, 5) * np.float32(0.3)
    model = with_weight(mlp(), "fc2.weight", array)
    weights = [nn.Parameter(torch.from_numpy(x.array.copy())) for x in find_layers(model).prunable]
    kinds = [type(x) for x in constrain(find_layers(model).prunable, weights)]
    assert kinds == [Masked, OnGrid]


def test_a_shared_value_that_reaches_zero_does_not_prune_its_members():
    weights = nn.Parameter(torch.tensor([0.0, 1.0, 1.0]))
    shared = OnCodebook("fc", weights, torch.tensor([1.0]))
    with torch.no_grad():
        shared.codebook.zero_()
    shared.after_step()
    shared.check()
    assert (weights != 0).tolist() == [False, True, True]
    assert weights[1] == weights[2]


def test_tampering_with_a_pruned_weight_is_noticed():
    weights = nn.Parameter(torch.tensor([0.0, 1.0]))
    masked = Masked("fc", weights, torch.tensor([True, False]))
    masked.check()
    with torch.no_grad():
        weights[0] = 1e-30
    with pytest.raises(CortadoError, match="retraining revived pruned weights of fc"):
        masked.check()


@pytest.mark.parametrize("index", [0, 1])
def test_tampering_with_a_shared_weight_is_noticed(index):
    weights = nn.Parameter(torch.tensor([0.0, 1.0, 1.0]))
    shared = OnCodebook("fc", weights, torch.tensor([1.0]))
    shared.check()
    with torch.no_grad():
        weights[index] += 1e-6
    with pytest.raises(CortadoError, match="moved weights of fc off their shared values"):
        shared.check()


def biases_after_training(*changes):
    """Train `conv_net` with some of its tensors replaced for an epoch; return its biases."""
    model = conv_net()
    for name, array in changes:
        model = with_weight(model, name, array)
    options = RetrainOptions(epochs=1, batch=8, device="cpu", weight_decay=0.01)
    result = finish(retrain(model, task(model), options)).model
    return weight(result, "conv1.bias"), weight(result, "fc.bias")


SPARSE_FC = ("fc.weight", np.where(np.arange(192).reshape(3, 64) % 5, 0, 0.1).astype(np.float32))


def test_zeros_among_the_biases_of_a_pruned_model_stay():
    conv, fc = biases_after_training(SPARSE_FC, ("conv1.bias", np.float32([0, 1, 0, 2])))
    assert (conv == 0).tolist() == [True, False, True, False]
    assert fc.all()
    conv, fc = biases_after_training(SPARSE_FC, ("conv1.bias", np.zeros(4, np.float32)))
    assert not conv.any()
    assert fc.all()


def test_zero_biases_train_where_nothing_was_pruned_or_trained_yet():
    conv, _ = biases_after_training(("conv1.bias", np.float32([0, 1, 0, 2])))
    assert conv.all()
    fresh = [("conv1.bias", np.zeros(4, np.float32)), ("fc.bias", np.zeros(3, np.float32))]
    conv, fc = biases_after_training(SPARSE_FC, *fresh)
    assert conv.all()
    assert fc.all()


def test_a_mask_only_shrinks():
    weights = nn.Parameter(torch.tensor([0.0, 1.0, 2.0]))
    masked = Masked("fc", weights, torch.tensor([True, False, False]))
    masked.shrink(np.array([True, False, True]))
    assert masked.pruned.tolist() == [True, True, False]
    assert weights.tolist() == [0, 0, 2]


def test_the_values_of_a_layer_tell_its_constraint():
    half = quantize(PRUNED, [Assignment("fc", 2)]).model
    layers = find_layers(half).prunable
    weights = [nn.Parameter(torch.tensor(layer.array.copy())) for layer in layers]
    masked, shared = constrain(layers, weights)
    assert isinstance(masked, Masked)
    assert isinstance(shared, OnCodebook)
    np.testing.assert_array_equal(masked.pruned.numpy(), layers[0].array == 0)
    codebook = np.unique(layers[1].array[layers[1].array != 0])
    np.testing.assert_array_equal(shared.codebook.detach().numpy(), codebook)


def test_zeros_of_a_bias_are_no_mask():
    model = with_weight(mlp(sizes=(36, 8, 3)), "fc1.bias", np.zeros(8))
    assert weight(retrained(model), "fc1.bias").all()


def test_a_layer_that_was_filled_with_a_constant_is_free():
    """Caffe's default filler is the constant 0: such a layer was never pruned."""
    for value in (0, 0.01):
        filled = with_weight(conv_net(), "fc.weight", np.full((3, 64), value, np.float32))
        options = RetrainOptions(epochs=2, batch=8, device="cpu", lr=0.01)
        trained = weight(finish(retrain(filled, task(filled), options)).model, "fc.weight")
        assert len(np.unique(trained)) > 100
