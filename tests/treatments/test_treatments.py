"""What the treatments answer: levels, weights, costs, and how a layer stands at a level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.errors import CortadoError
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import ALL, Assignment
from cortado.prune import PruneOptions, prune
from cortado.quantize import quantize
from cortado.storage import all_codecs
from cortado.treatments import (
    Contents,
    Selection,
    SharedValues,
    Zeros,
    all_treatments,
    contents_of,
    encoded_bytes,
)
from nets import mlp
from treatments.outside import Rounding

MODEL = mlp(sizes=(40, 30, 20))
LAYERS = find_layers(MODEL).prunable
LAYER = LAYERS[0]
EVERY = [Zeros(), SharedValues(), Rounding()]


def name_of(treatment):
    return treatment.name


@pytest.mark.parametrize("treatment", EVERY, ids=name_of)
def test_the_levels_of_a_sweep_are_levels_from_gentle_to_harsh(treatment):
    assert all(treatment.requirement(level) == "" for level in treatment.levels)
    places = [treatment.harshness(level) for level in treatment.levels]
    assert places in (sorted(places), sorted(places, reverse=True))
    assert all(treatment.look.level.format(level) for level in treatment.levels)


@pytest.mark.parametrize(
    ("treatment", "level", "words"),
    [
        (Zeros(), 0.0, "prune 0: it must be a fraction between 0 and 1"),
        (Zeros(), 1.0, "prune 1: it must be a fraction between 0 and 1"),
        (Zeros(), float("nan"), "prune nan: it must be a fraction between 0 and 1"),
        (SharedValues(), 0.0, "bits 0: it must be bits, a whole number from 1 to 8"),
        (SharedValues(), 2.5, "bits 2.5: it must be bits, a whole number from 1 to 8"),
        (SharedValues(), 9.0, "bits 9: it must be bits, a whole number from 1 to 8"),
    ],
)
def test_what_is_no_level_is_said_in_one_line(treatment, level, words):
    assert treatment.fault(level) == words


@pytest.mark.parametrize("method", ["magnitude", "random-below", "std", "lamp"])
@pytest.mark.parametrize("level", [0.3, 0.95])
def test_zeros_are_those_that_pruning_makes(method, level):
    options = PruneOptions(method, "layer", seed=3)
    pruned = find_layers(prune(MODEL, [Assignment(ALL, level)], options).model).prunable
    for layer, expected in zip(LAYERS, pruned, strict=True):
        found = Zeros().changed(layer, layer.array, level, Selection(method, 3))
        assert found.tobytes() == expected.array.tobytes()


@pytest.mark.parametrize("level", [1.0, 2.0, 5.0])
def test_shared_values_are_those_that_sharing_makes(level):
    shared = find_layers(quantize(MODEL, [Assignment(ALL, int(level))]).model).prunable
    for layer, expected in zip(LAYERS, shared, strict=True):
        found = SharedValues().changed(layer, layer.array, level, Selection())
        assert found.tobytes() == expected.array.tobytes()


@pytest.mark.parametrize("treatment", EVERY, ids=name_of)
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 1.0])
def test_levels_that_are_prepared_together_are_those_by_themselves(treatment, sparsity):
    weights = np.where(
        np.random.default_rng(0).random(LAYER.array.shape) < sparsity, 0, LAYER.array
    )
    weights = weights.astype(np.float32)
    before = weights.copy()
    changes = treatment.changes(LAYER, weights, treatment.levels, Selection())
    for level, change in zip(treatment.levels, changes, strict=True):
        found = change(weights)
        assert found.tobytes() == treatment.changed(LAYER, weights, level, Selection()).tobytes()
        assert found.dtype == np.float32
        assert not found[weights == 0].any()
    assert weights.tobytes() == before.tobytes()


@pytest.mark.parametrize("treatment", EVERY, ids=name_of)
def test_the_cost_of_a_level_is_that_of_the_smallest_codec(treatment):
    for level in treatment.levels:
        weights = treatment.changed(LAYER, LAYER.array, level, Selection())
        sizes = [codec.size(weights) for codec in all_codecs()]
        assert encoded_bytes(LAYER, weights) == min(size for size in sizes if size is not None)


def test_pruning_comes_before_sharing():
    assert [treatment.name for treatment in all_treatments()] == ["prune", "bits"]


@given(st.floats(0.01, 0.98), st.floats(0.01, 0.98))
def test_midway_between_two_sparsities_densities_have_their_geometric_mean(one, other):
    gentle, harsh = sorted((one, other))
    found = Zeros().midway(gentle, harsh)
    if found is None:
        assert (1 - harsh) / (1 - gentle) >= 0.9
    else:
        assert gentle < found < harsh
        assert (1 - found) / (1 - gentle) == pytest.approx((1 - harsh) / (1 - found), rel=0.02)


def test_shared_values_have_nothing_midway():
    assert SharedValues().midway(4, 3) is None


def test_a_layer_stands_at_the_level_that_made_it():
    pruned = Zeros().changed(LAYER, LAYER.array, 0.9, Selection())
    both = SharedValues().changed(LAYER, pruned, 3, Selection())
    zeros = int((both == 0).sum())
    found = contents_of(both)
    assert found == Contents(both.size, zeros, len(np.unique(both)) - 1)
    assert Zeros().is_reached(0.9, zeros, found)
    assert not Zeros().is_reached(0.9, zeros - 1, found)
    assert [
        level for level in SharedValues().levels if SharedValues().is_reached(level, 0, found)
    ] == [3]
    assert Zeros().level_of(found) == zeros / both.size
    assert Zeros().level_of(Contents(4, 0, 4)) is None
    assert Zeros().level_of(Contents(4, 4, 0)) is None


def returning(function):
    class Other(Rounding):
        def apply(self, layer, weights, level, selection):
            return function(weights)

    return Other()


def fail(weights):
    raise ValueError("no such grid")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (fail, r"the treatment rounding of fc1 raised ValueError: no such grid"),
        (lambda w: w[1:], r"returned weights of the shape \(29×40\), not \(30×40\)"),
        (lambda w: w * np.nan, r"returned NaN or an infinite weight"),
        (lambda w: w + 1, r"returned a weight that is not zero where it was zero"),
    ],
)
def test_a_treatment_that_breaks_the_rules_is_named(function, words):
    weights = np.array(LAYER.array)
    weights[0, 0] = 0
    with pytest.raises(CortadoError, match=words):
        returning(function).changed(LAYER, weights, 4, Selection())
