"""``SELECTOR=VALUE``: what matches, and which assignment wins."""

import pytest

from cortado.errors import CortadoError, UsageError
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import ALL, Assignment, assign
from nets import conv_net, mlp

LAYERS = find_layers(conv_net()).prunable  # conv1.weight of conv1, fc.weight of fc


def winners(*pairs):
    found = assign(LAYERS, [Assignment(*pair) for pair in pairs])
    return {key: assignment.value for key, assignment in found.items()}


@pytest.mark.parametrize(
    ("selector", "keys"),
    [
        ("conv1", ["conv1.weight"]),
        ("fc.weight", ["fc.weight"]),
        ("fc*", ["fc.weight"]),
        (ALL, ["conv1.weight", "fc.weight"]),
        ("con?1", ["conv1.weight"]),
        ("[cf]*", ["conv1.weight", "fc.weight"]),
        ("re:^conv[0-9]$", ["conv1.weight"]),
        ("re:c", ["conv1.weight", "fc.weight"]),
    ],
)
def test_a_selector_matches(selector, keys):
    assert list(winners((selector, 1))) == keys


def test_a_selector_matches_the_name_of_a_node():
    (winner,) = assign(find_layers(mlp()).prunable, [Assignment("gemm2", 1)])
    assert winner == "fc2.weight"


def test_the_last_match_wins():
    assert winners((ALL, 1), ("fc", 2)) == {"conv1.weight": 1, "fc.weight": 2}
    assert winners(("fc", 2), (ALL, 1)) == {"conv1.weight": 1, "fc.weight": 1}


@pytest.mark.parametrize("selector", ["CONV1", "conv", "fc1", "re:^onv1", ""])
def test_a_selector_that_matches_nothing_is_an_error(selector):
    with pytest.raises(UsageError, match=r"matches none of: conv1, fc$"):
        winners((ALL, 1), (selector, 2))


def test_a_broken_expression_is_an_error():
    with pytest.raises(UsageError, match=r"'re:\(' is no regular expression"):
        winners(("re:(", 1))


def test_a_model_without_layers_is_an_error():
    with pytest.raises(CortadoError, match="the model has no prunable layer"):
        assign((), [Assignment(ALL, 1)])
