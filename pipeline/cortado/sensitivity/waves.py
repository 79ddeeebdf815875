"""Waves: points that are measured together, on one walk through the images.

A wave is written when it is done, so that a sweep that is killed loses one wave at most; and its
sessions are in memory together. It therefore ends where the next point would make it longer than
half a minute, or its weights larger than an eighth of a gigabyte; one point it always has.
"""

from collections.abc import Iterator, Sequence

from cortado.sensitivity.cuts import Cut, Network
from cortado.sensitivity.points import Point

__all__ = ["waves"]

_MOST_SECONDS = 30.0
_MOST_BYTES = 2**27


def waves(
    network: Network, cuts: Sequence[Cut], points: Sequence[Point], seconds: Sequence[float]
) -> Iterator[list[Point]]:
    """Divide points, in their order, into waves.

    Parameters
    ----------
    network : Network
        The cut graph.
    cuts : sequence of Cut
        Those of the layers that are swept.
    points : sequence of Point
        Sorted.
    seconds : sequence of float
        What a point of each cut takes, as far as one knows.
    """
    wave: list[Point] = []
    time, size = 0.0, 0
    for point in points:
        cut = cuts[point.place]
        more = cut.layer.array.nbytes
        if not wave or wave[-1].place != point.place:
            more += network.weight_bytes(cut)
        if wave and (time + seconds[point.place] > _MOST_SECONDS or size + more > _MOST_BYTES):
            yield wave
            wave, time, size = [], 0.0, 0
            more = cut.layer.array.nbytes + network.weight_bytes(cut)
        wave.append(point)
        time, size = time + seconds[point.place], size + more
    if wave:
        yield wave
