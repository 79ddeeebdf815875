"""Measuring: batches of samples through the dense model once, and through the points of a wave."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from cortado.data.batches import feed_batch, index_batches
from cortado.model.typing import Array, FloatArray, IntArray
from cortado.progress import Progress, Steps
from cortado.sensitivity.options import SweepOptions
from cortado.sensitivity.points import Point
from cortado.sensitivity.runner.cache import Kept, Place, Values
from cortado.sensitivity.runner.expected_outputs import ExpectedOutputs
from cortado.sensitivity.runner.memory import Fit
from cortado.sensitivity.runner.prefix import Path, Stack, Stop, Walk, in_order
from cortado.sensitivity.runner.split_points import Cut, Network
from cortado.sensitivity.swept import Swept
from cortado.sensitivity.tally import Expected, Tally
from cortado.stats.intervals import figure_interval

__all__ = ["Baseline", "Measure"]

_ROUND = 500  # samples between two looks at which points are done


@dataclass(frozen=True)
class Baseline:
    """The scores of the dense model.

    Attributes
    ----------
    tally : Tally
        What it scores.
    seconds : float
        What it takes on all samples, in one thread.
    behind : mapping of Cut to float
        Of that, what all that follows a cut takes.
    """

    tally: Tally
    seconds: float
    behind: Mapping[Cut, float]


@dataclass(frozen=True)
class _Batch:
    """One batch: which samples, their targets if they were read, and what is known of values."""

    indices: IntArray
    targets: Mapping[str, Array] | None
    known: Mapping[Place, Values]


class Measure:
    """Runs samples through a cut network, several batches at once.

    Parameters
    ----------
    network : Network
        The cut graph.
    cuts : sequence of Cut
        Those in front of the layers that are swept.
    swept : Swept
        The samples, and how they are scored.
    options : SweepOptions
        Workers, and when a point is done.
    pool : ThreadPoolExecutor
        The workers.
    """

    def __init__(
        self,
        network: Network,
        cuts: Sequence[Cut],
        swept: Swept,
        options: SweepOptions,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._network = network
        self._cuts = cuts
        self._task, self._samples = swept.task, swept.samples
        self._options = options
        self._pool = pool
        self._input = network.feed.names
        size = 1 if self._task.size == 1 else network.feed.batch
        self._fit = Fit.of(network, cuts, self._samples, size)
        self._kept = Kept(self._fit.kept)
        self._references = ExpectedOutputs(network)
        batches = index_batches(self._samples, self._fit.batch)
        self._parts = sorted(batches, key=lambda part: int(part[0]))

    @property
    def stacks(self) -> Mapping[Cut, Mapping[str, int]]:
        """How many points of a layer are measured at once."""
        return self._fit.stacks

    def dense(self) -> Steps[Baseline]:
        """Score all samples with the dense model, and keep what fits of the values on the way."""
        outputs = self._network.outputs
        places = [*(cut.values for cut in self._cuts), outputs]
        path = Path(self._network, self._input, places, [self._input])

        def run(batch: _Batch) -> tuple[IntArray, Expected, Tally, list[float]]:
            clock, seconds, values = time.perf_counter(), list[float](), Values()
            for place, values in zip(places, path.run(batch.known), strict=True):
                seconds.append(time.perf_counter() - clock)
                self._kept.put(batch.indices, place, values)
            wanted = self._wanted(values, batch)
            rows = self._rows(values, len(batch.indices))
            (tally,) = Tally.of(self._task, rows, wanted, batch.indices, seconds[-1])
            return batch.indices, wanted, tally, seconds

        tallies, seconds, done = list[Tally](), np.zeros(len(places)), 0
        batches = map(self._load, self._parts)
        for indices, wanted, tally, times in in_order(
            self._pool, self._options.workers, run, batches
        ):
            self._references.put(indices, wanted)
            tallies.append(tally)
            seconds += times
            done += len(indices)
            yield Progress("dense model", done, len(self._samples))
        whole = float(seconds[-1])
        before = dict(zip(self._cuts, seconds, strict=False))
        behind = {cut: whole - float(reached) for cut, reached in before.items()}
        return Baseline(Tally.joined(tallies), whole, behind)

    def points(
        self, weights: Mapping[Cut, Mapping[Point, FloatArray]]
    ) -> Generator[float, None, Mapping[Point, Tally]]:
        """Yield, after each batch, the part of the samples seen; return what each point scored."""
        start = self._start(next(iter(weights)))
        stops = [Stop(cut, self.stacks[cut], changed) for cut, changed in weights.items()]
        path = Path(self._network, start, [cut.values for cut in weights], self._kept.places)
        walk = Walk(self._network, path, stops)
        dense = self._references.open_rest(start)
        found: dict[Point, list[Tally]] = {p: [] for changed in weights.values() for p in changed}
        active, seen = frozenset(found), 0
        for parts in self._rounds():
            if not active:
                break
            run = partial(self._try, walk, walk.stacks(active), dense)
            batches = self._batches(parts, start)
            for tallies in in_order(self._pool, self._options.workers, run, batches):
                for point, tally in tallies:
                    found[point].append(tally)
                seen += len(tallies[0][1])
                yield seen / len(self._samples)
            active = frozenset(point for point in active if not self._is_done(found[point]))
        return {point: Tally.joined(tallies) for point, tallies in found.items()}

    def _try(
        self, walk: Walk, stacks: Sequence[Sequence[Stack]], dense: Path | None, batch: _Batch
    ) -> list[tuple[Point, Tally]]:
        """Return what all points of some stacks score on one batch."""
        found: list[tuple[Point, Tally]] = []
        wanted = self._references.of(batch.indices)
        if wanted is None:
            assert dense is not None  # opened where not all was kept
            (outputs,) = dense.run(batch.known)
            wanted = self._wanted(outputs, batch)
        for stack, outputs, seconds in walk.run(batch.known, stacks):
            rows = self._rows(outputs, stack.size * len(batch.indices))
            models = len(stack.points)
            if models < stack.size:  # without those that fill the stack up
                rows = {name: _first(array, stack.size, models) for name, array in rows.items()}
            tallies = Tally.of(self._task, rows, wanted, batch.indices, seconds)
            found += zip(stack.points, tallies, strict=True)
        return found

    def _wanted(self, outputs: Values, batch: _Batch) -> Expected:
        """Return what outputs are compared with, those of the dense model being `outputs`."""
        reference = self._rows(outputs, len(batch.indices))
        return Expected(reference, self._task.targets_of(batch.targets))

    def _rows(self, outputs: Values, count: int) -> dict[str, Array]:
        """Return outputs with the axis of the samples first."""
        return {name: self._task.rows(name, array, count) for name, array in outputs.items()}

    def _is_done(self, tallies: Sequence[Tally]) -> bool:
        if not self._options.stops_early:
            return False
        metric = self._task.metric
        interval = figure_interval(metric, Tally.joined(tallies).parts)
        return self._options.suffices(*interval, higher_is_better=metric.higher_is_better)

    def _rounds(self) -> list[list[IntArray]]:
        if not self._options.stops_early:
            return [self._parts]
        rounds: list[list[IntArray]] = [[]]
        for part in self._parts:
            if sum(map(len, rounds[-1])) >= _ROUND:
                rounds.append([])
            rounds[-1].append(part)
        return rounds

    def _start(self, first: Cut) -> Place:
        """Return where the way to a cut begins: at the last place before it that was kept."""
        before = [cut.values for cut in self._cuts[: self._cuts.index(first) + 1]]
        return next(
            (place for place in reversed(before) if place in self._kept.places), self._input
        )

    def _batches(self, parts: Sequence[IntArray], start: Place) -> Iterator[_Batch]:
        for part in parts:
            if start in self._kept.places and self._references.of(part) is not None:
                yield _Batch(part, None, self._kept.of(part))
            else:
                yield self._load(part)

    def _load(self, part: IntArray) -> _Batch:
        fed = feed_batch(self._network.feed, self._samples, part)
        return _Batch(part, fed.targets, {self._input: fed.inputs, **self._kept.of(part)})


def _first(array: Array, size: int, models: int) -> Array:
    """Return the rows of the first models of a stack."""
    wide = array.reshape(-1, size, *array.shape[1:])[:, :models]
    return wide.reshape(-1, *array.shape[1:])
