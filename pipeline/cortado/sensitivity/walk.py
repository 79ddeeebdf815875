"""Batches through the cut graph: what lies before a layer is computed once for all its points.

    images → V_1 → V_2 → … → V_k          a path: one session between two cuts
              ↓     ↓         ↓
           scores scores … scores         at each stop, once for every changed weight

A batch goes the whole way before the next one; each worker has one in hand, on a thread of its
own, and one operator runs on one thread. So only the live values of a batch a worker are in
memory, and no core waits for another. The batch is what fits the caches.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from cortado.model.typing import Array, FloatArray
from cortado.sensitivity.cuts import Cut, Network
from cortado.sensitivity.ends import Values, open_end
from cortado.sensitivity.points import Point
from cortado.session import Session, open_part

__all__ = ["Path", "Stop", "Walk", "in_order"]

Job = TypeVar("Job")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Stop:
    """A cut, and the weights that its layer gets at each point."""

    cut: Cut
    weights: Mapping[Point, FloatArray]


class Path:
    """The way from the images through sets of values, each computed from the one before.

    Parameters
    ----------
    network : Network
        The cut graph.
    places : sequence of tuple of str
        The values to stop at, in graph order.
    """

    def __init__(self, network: Network, places: Sequence[tuple[str, ...]]) -> None:
        self._parts: list[tuple[tuple[str, ...], Session | None]] = []
        known: tuple[str, ...] = (network.feed.name,)
        for place in places:
            new = [name for name in place if name not in known]
            session = open_part(network.part(known, new)) if new else None
            self._parts.append((place, session))
            known = place

    def run(self, values: Values) -> Iterator[Values]:
        """Yield the values at each place."""
        for place, session in self._parts:
            if session is not None:
                values = values | session.run(values)
            values = {name: values[name] for name in place}
            yield values


class Walk:
    """Sessions for the points of some layers, which follow each other in the graph."""

    def __init__(self, network: Network, stops: Sequence[Stop]) -> None:
        self._stops = stops
        self._input = network.feed.name
        self._path = Path(network, [stop.cut.values for stop in stops])
        self._ends = [open_end(network, stop.cut) for stop in stops]

    def run(
        self, inputs: FloatArray, active: frozenset[Point]
    ) -> Iterator[tuple[Sequence[Point], Array, float]]:
        """Yield active points with their scores, and the seconds that these took.

        Scores are of shape (images · points, …), all points of an image together.
        """
        last = max(i for i, stop in enumerate(self._stops) if active & stop.weights.keys())
        ways = zip(self._stops[: last + 1], self._ends, strict=False)
        for (stop, end), values in zip(ways, self._path.run({self._input: inputs}), strict=False):
            points = [point for point in stop.weights if point in active]
            size = end.stacked(values)
            for together in (points[i : i + size] for i in range(0, len(points), size)):
                begin = time.perf_counter()
                scores = end.run(values, [stop.weights[point] for point in together])
                yield together, scores, time.perf_counter() - begin


def in_order(
    pool: ThreadPoolExecutor, workers: int, work: Callable[[Job], Found], jobs: Iterator[Job]
) -> Iterator[Found]:
    """Yield what `work` makes of each job, in their order, with few jobs in memory at a time."""
    pending: deque[Future[Found]] = deque()
    for job in jobs:
        pending.append(pool.submit(work, job))
        if len(pending) > workers:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
