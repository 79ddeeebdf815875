"""The pruning pass: sparsities reached, zeros kept, requests that make no sense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.errors import UsageError
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.prune import PruneOptions, prune, prune_by_quality, prune_further
from nets import mlp, weight, with_weight

FC1, FC2 = "fc1.weight", "fc2.weight"
MODEL = mlp(sizes=(20, 10, 5))


def pruned(*sparsities, model=MODEL, **options):
    assignments = [Assignment(*pair) for pair in sparsities]
    return prune(model, assignments, PruneOptions(**options))


def test_each_layer_reaches_its_sparsity():
    result = pruned(("fc1", 0.9), ("fc2", 0.5))
    assert np.count_nonzero(weight(result.model, FC1)) == 20
    assert np.count_nonzero(weight(result.model, FC2)) == 25
    assert [(x.name, x.weights, x.zeros_before, x.zeros_after) for x in result.layers] == [
        ("fc1", 200, 0, 180),
        ("fc2", 50, 0, 25),
    ]
    assert result.sparsity == 205 / 250


def test_weights_that_stay_are_untouched_and_so_is_the_original():
    before = serial.encode(MODEL)
    array = weight(pruned(("fc1", 0.9)).model, FC1)
    stays = np.abs(weight(MODEL, FC1)) > np.sort(np.abs(weight(MODEL, FC1)).reshape(-1))[179]
    np.testing.assert_array_equal(array, np.where(stays, weight(MODEL, FC1), 0))
    assert serial.encode(MODEL) == before


def test_layers_and_biases_that_are_not_selected_stay():
    result = pruned(("fc1", 0.9)).model
    for name in (FC2, "fc1.bias", "fc2.bias"):
        np.testing.assert_array_equal(weight(result, name), weight(MODEL, name))


def test_pruning_again_keeps_the_zeros():
    once = pruned(("*", 0.5)).model
    twice = pruned(("*", 0.8), model=once).model
    for name, zeros in ((FC1, 160), (FC2, 40)):
        assert not weight(twice, name)[weight(once, name) == 0].any()
        assert (weight(twice, name) == 0).sum() == zeros


def test_a_lower_sparsity_brings_nothing_back():
    once = pruned(("*", 0.8)).model
    again = pruned(("*", 0.3), model=once).model
    assert serial.encode(again) == serial.encode(once)


def test_negative_zeros_become_plain_zeros():
    array = weight(MODEL, FC2).copy()
    array[0] = -0.0
    result = weight(pruned(("fc2", 0.1), model=with_weight(MODEL, FC2, array)).model, FC2)
    assert not np.signbit(result[0]).any()


def test_scope_is_that_of_the_method_unless_it_is_given():
    scopes = {
        m: PruneOptions(m).effective_scope for m in ("magnitude", "random-below", "std", "lamp")
    }
    assert scopes == {
        "magnitude": "layer", "random-below": "layer", "std": "global", "lamp": "global",
    }  # fmt: skip
    assert PruneOptions("lamp", "layer").effective_scope == "layer"


def test_global_scope_reaches_the_sparsity_of_all_layers_together():
    assert pruned(("*", 0.8), scope="global").sparsity == 0.8
    assert pruned(("*", 0.8), method="lamp").sparsity == 0.8


def test_the_seed_decides_on_random_below():
    first, same, other = (
        serial.encode(pruned(("*", 0.5), method="random-below", seed=seed).model)
        for seed in (3, 3, 4)
    )
    assert first == same
    assert first != other


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, float("nan")])
def test_what_is_no_fraction_is_refused(sparsity):
    with pytest.raises(UsageError, match=r"of fc1 is no fraction to prune"):
        pruned(("fc1", sparsity))


def test_a_layer_that_would_lose_everything_is_refused_by_its_name():
    with pytest.raises(UsageError, match=r"fc2\.weight would lose all of its 50"):
        pruned(("fc2", 0.999))


def test_a_selector_that_matches_nothing_is_refused():
    with pytest.raises(UsageError, match="'fc3' matches none of: fc1, fc2"):
        pruned(("fc3", 0.5))


def test_quality_is_a_factor_of_the_deviation_of_what_is_left():
    once = pruned(("*", 0.4)).model
    result = prune_by_quality(once, [Assignment("fc1", 0.7), Assignment("fc2", 0.0)])
    array = weight(once, FC1)
    survivors = array[array != 0].astype(np.float64)
    limit = 0.7 * np.sqrt(np.mean((survivors - survivors.mean()) ** 2))
    np.testing.assert_array_equal(
        weight(result.model, FC1), np.where(np.abs(array) > limit, array, 0)
    )
    np.testing.assert_array_equal(weight(result.model, FC2), weight(once, FC2))
    assert result.layers[0].zeros_after > result.layers[0].zeros_before == 80


def test_a_round_cuts_a_fraction_of_what_is_left():
    model = pruned(("fc1", 0.4)).model  # 120 and 50 are left
    result = prune_further(model, [Assignment("*", 0.25)])
    assert [(x.zeros_before, x.zeros_after) for x in result.layers] == [(80, 110), (0, 13)]
    for name, left in ((FC1, 90), (FC2, 37)):
        before, after = np.abs(weight(model, name)), np.abs(weight(result.model, name))
        assert (after > 0).sum() == left
        np.testing.assert_array_equal(after[after > 0], before[after > 0])
        assert after[after > 0].min() > before[(after == 0) & (before > 0)].max()


def test_a_round_of_global_scope_counts_all_layers_together():
    model = pruned(("fc1", 0.4)).model
    result = prune_further(model, [Assignment("*", 0.1)], PruneOptions(scope="global"))
    assert sum(x.zeros_after for x in result.layers) == 80 + 17


@given(st.integers(0, 90), st.integers(1, 8))
def test_each_round_rounds_up_what_it_cuts(percent, rounds):
    model, left = MODEL, 200
    for _ in range(rounds):
        before = weight(model, FC1)
        left -= -(-percent * left // 100)
        if not left:
            break
        model = prune_further(model, [Assignment("fc1", percent / 100)]).model
        after = weight(model, FC1)
        assert not after[before == 0].any()
        assert np.count_nonzero(after) == left


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_a_round_that_is_no_fraction_is_refused(fraction):
    with pytest.raises(UsageError, match=r"of fc1 is no fraction to prune"):
        prune_further(MODEL, [Assignment("fc1", fraction)])


def test_layers_of_zeros_only_stay_in_a_round():
    model = with_weight(MODEL, FC2, np.zeros_like(weight(MODEL, FC2)))
    result = prune_further(model, [Assignment("*", 0.5)])
    assert [x.zeros_after for x in result.layers] == [100, 50]
