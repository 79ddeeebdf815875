"""Stacks of points that are tried at once, and waves of stacks, between which rows are written.

A sweep that is killed loses the wave that it is at. A wave therefore ends where the next stack
would make it longer than three seconds, or its weights larger than an eighth of a gigabyte. But
each wave may have to go all the way from the images to its first layer: it may take four times as
long as the dense model, up to half a minute. One stack it always has.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from cortado.sensitivity.options import Kind
from cortado.sensitivity.points import Point
from cortado.sensitivity.runner.split_points import Cut, Network

__all__ = ["stacks", "waves"]

_LEAST_SECONDS, _MOST_SECONDS = 3.0, 30.0
_DENSE_MODELS = 4
_MOST_BYTES = 2**27


def stacks(points: Sequence[Point], sizes: Mapping[Kind, int]) -> Iterator[tuple[Point, ...]]:
    """Divide points of one layer, sorted, into stacks of one kind and of these sizes at most."""
    for kind, group in groupby(points, attrgetter("treatment")):
        alike = tuple(group)
        for begin in range(0, len(alike), sizes[kind]):
            yield alike[begin : begin + sizes[kind]]


def waves(
    network: Network,
    cuts: Sequence[Cut],
    tried: Sequence[tuple[Point, ...]],
    seconds: Sequence[float],
    dense: float,
) -> Iterator[list[tuple[Point, ...]]]:
    """Divide stacks, in their order, into waves.

    Parameters
    ----------
    network : Network
        The cut graph.
    cuts : sequence of Cut
        Those of the layers that are swept.
    tried : sequence of tuple of Point
        The stacks, sorted.
    seconds : sequence of float
        What a point of each cut takes, as far as one knows.
    dense : float
        What the dense model takes.
    """
    most = min(_MOST_SECONDS, max(_LEAST_SECONDS, _DENSE_MODELS * dense))
    wave: list[tuple[Point, ...]] = []
    time, size = 0.0, 0
    for stack in tried:
        place = stack[0].place
        weights = len(stack) * cuts[place].layer.array.nbytes
        # sessions of a layer hold the weights of all that follow
        opened = 0 if wave and wave[-1][0].place == place else network.weight_bytes(cuts[place])
        more = len(stack) * seconds[place]
        if wave and (time + more > most or size + weights + opened > _MOST_BYTES):
            yield wave
            wave, time, size = [], 0.0, 0
            opened = network.weight_bytes(cuts[place])
        wave.append(stack)
        time, size = time + more, size + weights + opened
    if wave:
        yield wave
