"""Batches through the cut graph: what lies before a layer is computed once for all its points.

    inputs → V_1 → V_2 → … → V_k          a path: one session between two cuts
              ↓     ↓         ↓
          outputs outputs … outputs       at each stop, once for every stack of changed weights

A batch goes the whole way before the next one; each worker has one in hand, on a thread of its
own, and one operator runs on one thread. So only the live values of a batch a worker are in
memory, and no core waits for another. Where values were kept, the way begins there.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from cortado.model.typing import Array, FloatArray
from cortado.runtime import Session
from cortado.sensitivity.options import Kind
from cortado.sensitivity.points import Point
from cortado.sensitivity.runner.cache import Place, Values
from cortado.sensitivity.runner.split_points import Cut, Network
from cortado.sensitivity.runner.suffix import open_suffix
from cortado.sensitivity.waves import stacks

__all__ = ["Path", "Stack", "Stop", "Walk", "in_order"]

Job = TypeVar("Job")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Stop:
    """A cut, and what is tried there.

    Attributes
    ----------
    cut : Cut
        The cut.
    sizes : mapping of kind to int
        How many weights are tried at once.
    weights : mapping of Point to array
        Those that the layer gets.
    """

    cut: Cut
    sizes: Mapping[Kind, int]
    weights: Mapping[Point, FloatArray]


@dataclass(frozen=True)
class Stack:
    """Points of one layer that are tried at once.

    Attributes
    ----------
    points : tuple of Point
        At most `size`.
    weights : array
        Theirs, filled up.
    size : int
        The number of weights in it.
    """

    points: tuple[Point, ...]
    weights: Array
    size: int


class Path:
    """The way through sets of values, each computed from the one before or known already.

    Parameters
    ----------
    network : Network
        The cut graph.
    start : tuple of str
        Where it begins.
    places : sequence of tuple of str
        The values to stop at, in graph order.
    known : collection of tuple of str
        The places whose values every run is given.
    """

    def __init__(
        self, network: Network, start: Place, places: Sequence[Place], known: Collection[Place]
    ) -> None:
        self._start = start
        self._parts: list[tuple[Place, Session | None]] = []
        before = start
        for place in places:
            new = [name for name in place if name not in before]
            computed = new and place not in known
            self._parts.append((place, network.open_part(before, new) if computed else None))
            before = place

    def run(self, known: Mapping[Place, Values]) -> Iterator[Values]:
        """Yield the values at each place."""
        values = known[self._start]
        for place, session in self._parts:
            if place in known:
                values = known[place]
            elif session is not None:
                values = values | session.run(values)
            values = {name: values[name] for name in place}
            yield values


class Walk:
    """Sessions for the points of some layers, which follow each other in the graph.

    Parameters
    ----------
    network : Network
        The cut graph.
    path : Path
        The way to the cuts of the stops.
    stops : sequence of Stop
        In graph order.
    """

    def __init__(self, network: Network, path: Path, stops: Sequence[Stop]) -> None:
        self._stops = stops
        self._path = path
        self._suffixes = [open_suffix(network, stop.cut, stop.sizes) for stop in stops]

    def stacks(self, active: Collection[Point]) -> list[list[Stack]]:
        """Return what is to be tried of the active points, at each stop up to the last of them."""
        found: list[list[Stack]] = []
        for stop, suffix in zip(self._stops, self._suffixes, strict=True):
            found.append([])
            for points in stacks([p for p in stop.weights if p in active], stop.sizes):
                size = stop.sizes[points[0].treatment]
                weights = suffix.join([stop.weights[point] for point in points], size)
                found[-1].append(Stack(points, weights, size))
        while not found[-1]:
            found.pop()
        return found

    def run(
        self, known: Mapping[Place, Values], tried: Sequence[Sequence[Stack]]
    ) -> Iterator[tuple[Stack, Values, float]]:
        """Yield each stack with its outputs, and the seconds that these took.

        Of several weights, outputs are of shape (samples · size, …), those of a sample together.
        """
        for here, suffix, live in zip(tried, self._suffixes, self._path.run(known), strict=False):
            for stack in here:
                begin = time.perf_counter()
                outputs = suffix.run(live, stack.weights, stack.size)
                yield stack, outputs, time.perf_counter() - begin


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
