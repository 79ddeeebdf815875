"""The layout of convolutions, by how many zeros their blocks would hold."""

from itertools import pairwise

import numpy as np
import pytest
from onnx import helper

from cortado.sensitivity.cuts import cut_network
from cortado.sensitivity.layout import choose_layout
from nets import build, decoded, normal


def chain(*channels, group=1):
    """Return 3×3 convolutions from some channels to the next, on 8×8 images."""
    rng = np.random.default_rng(0)
    nodes, weights = [], {}
    for i, (entering, leaving) in enumerate(pairwise(channels)):
        ends = ("x" if i == 0 else f"v{i}", "y" if i == len(channels) - 2 else f"v{i + 1}")
        nodes.append(
            helper.make_node(
                "Conv", [ends[0], f"w{i}"], [ends[1]], f"c{i}", pads=[1] * 4, group=group
            )
        )
        weights[f"w{i}"] = normal(rng, leaving, entering // group, 3, 3)
    shapes = ({"x": ["N", channels[0], 8, 8]}, {"y": ["N", channels[-1], 8, 8]})
    return decoded(build(nodes, weights, *shapes))


@pytest.mark.parametrize(
    ("channels", "layout"),
    [
        ((3, 64, 128), "blocked"),  # three channels enter as they are
        ((16, 16), "blocked"),
        ((20, 50), "plain"),  # 32 · 64 for 20 · 50
        ((48, 40, 48), "blocked"),
        ((17, 17, 17), "plain"),
        ((17, 17, 256, 256), "blocked"),  # by where most products are
    ],
)
def test_blocks_that_would_mostly_hold_zeros_are_left_out(channels, layout):
    assert cut_network(chain(*channels), 1, None).layout == layout


def test_groups_and_networks_without_convolutions_say_nothing():
    assert choose_layout(chain(34, 34, group=17).graph) == "blocked"
