"""Measuring: batches of images through the dense model once, and through the points of a wave."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from cortado.data import feed_batches
from cortado.data.samples import Subset
from cortado.model.typing import FloatArray, IntArray
from cortado.progress import Progress, Steps
from cortado.scoring.images import Images
from cortado.sensitivity.options import Kind, SweepOptions
from cortado.sensitivity.points import Point
from cortado.sensitivity.runner.cache import Kept, Place, Values
from cortado.sensitivity.runner.memory import Fit
from cortado.sensitivity.runner.prefix import Path, Stack, Stop, Walk, in_order
from cortado.sensitivity.runner.split_points import Cut, Network
from cortado.sensitivity.tally import Reference, Tally

__all__ = ["Dense", "Measure"]

_ROUND = 500  # images between two looks at which points are done


@dataclass(frozen=True)
class Dense:
    """What the dense model gives.

    Attributes
    ----------
    reference : Reference
        Its scores on all images.
    tally : Tally
        Its figures.
    seconds : float
        What it takes on all images, in one thread.
    behind : mapping of Cut to float
        Of that, what all that follows a cut takes.
    """

    reference: Reference
    tally: Tally
    seconds: float
    behind: Mapping[Cut, float]


@dataclass(frozen=True)
class _Batch:
    """One batch: which images, and what is known of their values."""

    indices: IntArray
    known: Mapping[Place, Values]


class Measure:
    """Runs images through a cut network, several batches at once.

    Parameters
    ----------
    network : Network
        The cut graph.
    cuts : sequence of Cut
        Those in front of the layers that are swept.
    images : Images
        The images.
    options : SweepOptions
        Workers, and when a point is done.
    pool : ThreadPoolExecutor
        The workers.
    """

    def __init__(
        self,
        network: Network,
        cuts: Sequence[Cut],
        images: Images,
        options: SweepOptions,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._network = network
        self._cuts = cuts
        self._images = images
        self._options = options
        self._pool = pool
        self._labels = images.samples.labels
        self._input = (network.feed.name,)
        self._fit = Fit.of(network, cuts, images)
        self._kept = Kept(self._fit.kept)

    @property
    def stacks(self) -> Mapping[Cut, Mapping[Kind, int]]:
        """How many points of a layer are measured at once."""
        return self._fit.stacks

    def dense(self) -> Steps[Dense]:
        """Score all images with the dense model, and keep what fits of the values on the way."""
        output = self._network.scores.output
        places = [*(cut.values for cut in self._cuts), (output,)]
        path = Path(self._network, self._input, places, [self._input])

        def run(batch: _Batch) -> tuple[FloatArray, list[float]]:
            clock, seconds, values = time.perf_counter(), list[float](), Values()
            for place, values in zip(places, path.run(batch.known), strict=True):
                seconds.append(time.perf_counter() - clock)
                self._kept.put(batch.indices, place, values)
            return self._scores(values[output], batch.indices), seconds

        scores, seconds = [], np.zeros(len(self._cuts) + 1)
        everything = np.arange(len(self._images.samples))
        batches = self._load(everything)
        for found, times in in_order(self._pool, self._options.workers, run, batches):
            scores.append(found)
            seconds += times
            done = sum(map(len, scores))
            yield Progress("dense model", done, len(everything))
        labels = self._labels if self._images.labelled else None
        activation, whole = self._network.scores.activation, float(seconds[-1])
        together = np.concatenate(scores)
        reference = Reference.of(together, labels, activation)
        (tally,) = Tally.of(together[:, None], reference, activation, whole)
        before = dict(zip(self._cuts, seconds, strict=False))
        return Dense(reference, tally, whole, {c: whole - float(s) for c, s in before.items()})

    def points(
        self, weights: Mapping[Cut, Mapping[Point, FloatArray]], dense: Dense
    ) -> Iterator[Mapping[Point, Tally]]:
        """Yield, after each batch, the sums of all points so far; the last are the result."""
        start = self._start(next(iter(weights)))
        stops = [Stop(cut, self.stacks[cut], changed) for cut, changed in weights.items()]
        path = Path(self._network, start, [cut.values for cut in weights], self._kept.places)
        walk = Walk(self._network, path, stops)
        tallies = {point: Tally() for changed in weights.values() for point in changed}
        active = frozenset(tallies)
        for part in self._rounds():
            if not active:
                return
            run = partial(self._try, walk, walk.stacks(active), dense.reference)
            batches = self._batches(part, start)
            for found in in_order(self._pool, self._options.workers, run, batches):
                for point, tally in found:
                    tallies[point] += tally
                yield tallies
            active = frozenset(point for point in active if not self._is_done(tallies[point]))

    def _try(
        self, walk: Walk, stacks: Sequence[Sequence[Stack]], reference: Reference, batch: _Batch
    ) -> list[tuple[Point, Tally]]:
        """Return the sums of all points of some stacks over one batch."""
        found: list[tuple[Point, Tally]] = []
        begin, end = int(batch.indices[0]), int(batch.indices[-1]) + 1
        images, activation = len(batch.indices), self._network.scores.activation
        for stack, scores, seconds in walk.run(batch.known, stacks):
            models = len(stack.points)
            each = scores.reshape(-1, *scores.shape[2:])  # with those of padding behind
            flat = self._scores(each, np.repeat(batch.indices, models))
            together = flat.reshape(images, models, -1)
            tallies = Tally.of(together, reference[begin:end], activation, seconds)
            found += zip(stack.points, tallies, strict=True)
        return found

    def _is_done(self, tally: Tally) -> bool:
        return self._options.suffices(*tally.interval)

    def _rounds(self) -> list[IntArray]:
        everything = np.arange(len(self._images.samples))
        if not self._options.stops_early:
            return [everything]
        size = -(-_ROUND // self._fit.batch) * self._fit.batch
        return [everything[begin : begin + size] for begin in range(0, len(everything), size)]

    def _start(self, first: Cut) -> Place:
        """Return where the way to a cut begins: at the last place before it that was kept."""
        before = [cut.values for cut in self._cuts[: self._cuts.index(first) + 1]]
        return next(
            (place for place in reversed(before) if place in self._kept.places), self._input
        )

    def _batches(self, indices: IntArray, start: Place) -> Iterator[_Batch]:
        if start in self._kept.places:
            for part in np.split(indices, range(self._fit.batch, len(indices), self._fit.batch)):
                yield _Batch(part, self._kept.of(part))
        else:
            yield from self._load(indices)

    def _load(self, indices: IntArray) -> Iterator[_Batch]:
        images = Subset(self._images.samples, indices)
        for fed in feed_batches(self._network.feed, images, self._fit.batch):
            part = indices[fed.indices]
            inputs: Values = {self._input[0]: fed.inputs}
            yield _Batch(part, {self._input: inputs, **self._kept.of(part)})

    def _scores(self, scores: FloatArray, indices: IntArray) -> FloatArray:
        labels, output = self._labels[indices], self._network.scores.output
        return self._images.check_scores(scores, labels, output)
