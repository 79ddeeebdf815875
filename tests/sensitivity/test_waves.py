"""Stacks and waves: every point once, in order, within the bounds."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.sensitivity import waves as module
from cortado.sensitivity.points import Point
from cortado.sensitivity.waves import stacks, waves
from nets import mlp
from scored import cut

NETWORK = cut(mlp())
CUTS = NETWORK.cuts
SIZES = {"prune": 5, "bits": 4}
points = st.lists(
    st.builds(
        Point,
        st.integers(0, len(CUTS) - 1),
        st.sampled_from(["bits", "prune"]),
        st.floats(0.01, 0.99),
    ),
    unique=True,
    max_size=60,
).map(sorted)


def stacked(found):
    """Return the stacks of sorted points of several layers."""
    of = [[p for p in found if p.place == place] for place in range(len(CUTS))]
    return [stack for part in of for stack in stacks(part, SIZES)]


@given(points)
def test_stacks_hold_every_point_once_and_one_layer_and_kind_each(found):
    tried = stacked(found)
    assert list(chain.from_iterable(tried)) == found
    for stack in tried:
        assert 1 <= len(stack) <= SIZES[stack[0].treatment]
        assert len({(point.place, point.treatment) for point in stack}) == 1


@given(points, st.lists(st.floats(0.001, 9), min_size=2, max_size=2), st.floats(0.001, 20))
def test_waves_hold_every_stack_once_and_are_as_long_as_allowed(found, seconds, dense):
    tried = stacked(found)
    made = list(waves(NETWORK, CUTS, tried, seconds, dense))
    assert list(chain.from_iterable(made)) == tried
    most = min(30, max(3, 4 * dense))
    lengths = [sum(len(stack) * seconds[stack[0].place] for stack in wave) for wave in made]
    for wave, length, following in zip(made, lengths, [*made[1:], None], strict=False):
        assert len(wave) == 1 or length <= most
        if following is not None:
            first = following[0]
            assert length + len(first) * seconds[first[0].place] > most
    assert np.isfinite(lengths).all()


@given(points, st.integers(1, 5000))
def test_waves_hold_no_more_weights_than_fit(found, room):
    """A wave opens the layers behind each layer anew, and holds the weights of its points."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MOST_BYTES", room)
        made = list(waves(NETWORK, CUTS, stacked(found), [0.0] * len(CUTS), 0.0))
    for wave in made:
        opened = {stack[0].place for stack in wave}
        size = sum(len(stack) * CUTS[stack[0].place].layer.array.nbytes for stack in wave)
        size += sum(NETWORK.weight_bytes(CUTS[place]) for place in opened)
        assert len(wave) == 1 or size <= room
