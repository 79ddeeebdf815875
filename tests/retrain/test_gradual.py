"""Pruning while training."""

import numpy as np
import pytest
import torch

from cortado.errors import CortadoError, UsageError
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.progress import finish
from cortado.prune import PruneOptions, prune
from cortado.quantize import quantize
from cortado.retrain import Gradual, RetrainOptions, retrain
from cortado.retrain.constraints import Masked
from cortado.retrain.gradual import GradualPruning
from nets import conv_net, weight
from retrain.sets import dataset, task

LAYERS = ["conv1.weight", "fc.weight"]


def gradually(model, gradual, epochs=2, images=40):
    options = RetrainOptions(epochs=epochs, batch=8, device="cpu", lr=0.01)
    return finish(retrain(model, task(model, dataset(images)), options, gradual)).model


def sparsity(model, *names):
    zeros = [weight(model, name) == 0 for name in names or LAYERS]
    return sum(z.sum() for z in zeros) / sum(z.size for z in zeros)


@pytest.mark.parametrize("rise", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("every", [1, 3, 100])
def test_the_sparsity_is_reached_at_the_end(rise, every):
    gradual = Gradual([Assignment("*", 0.75)], PruneOptions("magnitude"), rise, every)
    found = gradually(conv_net(), gradual)
    assert sparsity(found, "conv1.weight") == 0.75
    assert sparsity(found, "fc.weight") == 0.75


@pytest.mark.parametrize("rise", [0.0, 0.6, 1.0])
def test_even_a_single_step_reaches_the_sparsity(rise):
    gradual = Gradual([Assignment("*", 0.75)], PruneOptions("magnitude"), rise)
    assert sparsity(gradually(conv_net(), gradual, epochs=1, images=8)) == 0.75


def test_lamp_reaches_the_sparsity_of_all_layers_together():
    found = gradually(conv_net(), Gradual([Assignment("*", 0.75)], every=2))
    assert sparsity(found) == 171 / 228
    assert sparsity(found, "conv1.weight") != sparsity(found, "fc.weight")


def test_each_selector_reaches_its_own():
    assignments = [Assignment("conv1", 0.25), Assignment("fc", 0.875)]
    found = gradually(conv_net(), Gradual(assignments, PruneOptions("magnitude"), every=2))
    assert [sparsity(found, name) for name in LAYERS] == [0.25, 0.875]


def test_layers_that_are_not_selected_are_not_pruned():
    found = gradually(conv_net(), Gradual([Assignment("fc", 0.5)], every=2))
    assert sparsity(found, "conv1.weight") == 0


def test_zeros_from_before_stay():
    pruned = prune(conv_net(), [Assignment("*", 0.5)]).model
    found = gradually(pruned, Gradual([Assignment("*", 0.75)], every=1))
    for name in LAYERS:
        assert not weight(found, name)[weight(pruned, name) == 0].any()


def test_pruning_after_weight_sharing_is_refused():
    shared = quantize(conv_net(), [Assignment("fc", 2)]).model
    with pytest.raises(
        CortadoError, match="weights of fc share values already: prune a model before"
    ):
        gradually(shared, Gradual([Assignment("fc", 0.5)]))


def test_an_unknown_layer_is_refused():
    with pytest.raises(UsageError, match="'fc9' matches none of: conv1, fc"):
        gradually(conv_net(), Gradual([Assignment("fc9", 0.5)]))


def test_the_masks_shrink_along_the_schedule():
    """With a rise over all of 10 steps and masks at each: s(t) = 0.8 · (1 − (1 − t/9)³)."""
    layers = find_layers(conv_net()).prunable[1:]
    array = torch.nn.Parameter(torch.tensor(layers[0].array.copy()))
    masked = Masked("fc", array, torch.zeros_like(array.detach(), dtype=torch.bool))
    options = Gradual([Assignment("fc", 0.8)], PruneOptions("magnitude"), rise=1.0, every=1)
    pruning = GradualPruning.over(layers, [masked], options)
    found = []
    for step in range(10):
        pruning.update(step, 10)
        found.append(int(masked.pruned.sum()))
    expected = [192 * 0.8 * (1 - (1 - step / 9) ** 3) for step in range(10)]
    assert (np.array(found) - expected < 1).all()
    assert (np.array(found) - expected > -1e-6).all()
