"""Measuring: batches of images through the dense model once, and through the points of a wave."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from cortado.data import feed_batches
from cortado.data.samples import Subset
from cortado.model.typing import FloatArray, IntArray
from cortado.scoring import as_scores
from cortado.sensitivity.cuts import Cut, Network
from cortado.sensitivity.images import Images
from cortado.sensitivity.options import SweepOptions
from cortado.sensitivity.points import Point
from cortado.sensitivity.tally import Reference, Tally
from cortado.sensitivity.walk import Path, Stop, Walk, in_order
from cortado.steps import Progress, Steps

__all__ = ["Dense", "Measure"]

_BATCH_BYTES = 2**20  # of the values that live at a cut: a part of a core's cache
_SMALLEST, _LARGEST = 4, 125
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
    seconds : tuple of float
        For each cut, what an evaluation of all that follows it takes, on all images.
    """

    reference: Reference
    tally: Tally
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Job:
    """One batch: which images, and their inputs."""

    indices: IntArray
    inputs: FloatArray


class Measure:
    """Runs images through a cut network, several batches at once.

    Parameters
    ----------
    network : Network
        The cut graph.
    images : Images
        The images.
    options : SweepOptions
        Workers, and when a point is done.
    pool : ThreadPoolExecutor
        The workers.
    """

    def __init__(
        self, network: Network, images: Images, options: SweepOptions, pool: ThreadPoolExecutor
    ) -> None:
        self._network = network
        self._images = images
        self._options = options
        self._pool = pool
        self._labels = images.samples.labels
        self._batch = network.feed.batch or self._fitting_batch()

    def dense(self) -> Steps[Dense]:
        """Score all images with the dense model."""
        cuts, output = self._network.cuts, self._network.scores.output
        path = Path(self._network, [*(cut.values for cut in cuts), (output,)])

        def run(job: Job) -> tuple[FloatArray, list[float]]:
            clock, seconds, scores = time.perf_counter(), [], job.inputs
            for values in path.run({self._network.feed.name: job.inputs}):
                seconds.append(time.perf_counter() - clock)
                scores = values.get(output, scores)
            return self._scores(scores, job.indices), seconds

        scores, seconds = [], np.zeros(len(cuts) + 1)
        everything = np.arange(len(self._images.samples))
        for found, times in in_order(
            self._pool, self._options.workers, run, self._jobs(everything)
        ):
            scores.append(found)
            seconds += times
            done = sum(map(len, scores))
            yield Progress("dense model", done, len(everything))
        labels = self._labels if self._images.labelled else None
        activation = self._network.scores.activation
        together = np.concatenate(scores)
        reference = Reference.of(together, labels, activation)
        (tally,) = Tally.of(together[:, None], reference, activation, float(seconds[-1]))
        return Dense(reference, tally, tuple(float(seconds[-1] - s) for s in seconds[:-1]))

    def points(
        self, weights: Mapping[Cut, Mapping[Point, FloatArray]], dense: Dense
    ) -> Iterator[Mapping[Point, Tally]]:
        """Yield, after each batch, the sums of all points so far; the last are the result."""
        walk = Walk(self._network, [Stop(cut, changed) for cut, changed in weights.items()])
        tallies = {point: Tally() for changed in weights.values() for point in changed}
        active = frozenset(tallies)
        for part in self._rounds():
            if not active:
                return
            run = _Round(self, walk, active, dense.reference)
            for found in in_order(self._pool, self._options.workers, run, self._jobs(part)):
                for point, tally in found:
                    tallies[point] += tally
                yield tallies
            active = frozenset(point for point in active if not self._is_done(tallies[point]))

    def tallies(
        self, scores: FloatArray, job: Job, dense: Reference, seconds: float
    ) -> list[Tally]:
        """Return the sums of several points over a batch."""
        images = len(job.indices)
        begin, end = int(job.indices[0]), int(job.indices[-1]) + 1
        activation = self._network.scores.activation
        models = len(scores) // len(job.inputs)
        flat = self._scores(scores, np.repeat(job.indices, models))
        return Tally.of(flat.reshape(images, models, -1), dense[begin:end], activation, seconds)

    def _is_done(self, tally: Tally) -> bool:
        return self._options.suffices(*tally.interval)

    def _rounds(self) -> list[IntArray]:
        everything = np.arange(len(self._images.samples))
        if not self._options.stops_early:
            return [everything]
        size = -(-_ROUND // self._batch) * self._batch
        return [everything[begin : begin + size] for begin in range(0, len(everything), size)]

    def _jobs(self, indices: IntArray) -> Iterator[Job]:
        images = Subset(self._images.samples, indices)
        for fed in feed_batches(self._network.feed, images, self._batch):
            yield Job(indices[fed.indices], fed.inputs)

    def _scores(self, scores: FloatArray, indices: IntArray) -> FloatArray:
        """Check the scores of some images, and cut off those of padding."""
        labels = self._labels[indices]
        known = labels if self._images.labelled else np.zeros_like(labels)
        return as_scores(scores[: len(labels)], known, self._network.scores.output)

    def _fitting_batch(self) -> int:
        """Return how many images have live values that fit the cache, at the widest cut."""
        feed = self._network.feed
        inputs = feed(self._images.samples.take(np.zeros(1, np.int64)).pixels)
        path = Path(self._network, [cut.values for cut in self._network.cuts])
        sizes = [
            sum(array.nbytes for array in values.values())
            for values in path.run({feed.name: inputs})
        ]
        return min(max(_BATCH_BYTES // max(sizes), _SMALLEST), _LARGEST)


@dataclass(frozen=True)
class _Round:
    """The work on one batch: all points that are not done yet."""

    measure: Measure
    walk: Walk
    active: frozenset[Point]
    dense: Reference

    def __call__(self, job: Job) -> list[tuple[Point, Tally]]:
        found: list[tuple[Point, Tally]] = []
        for points, scores, seconds in self.walk.run(job.inputs, self.active):
            tallies = self.measure.tallies(scores, job, self.dense, seconds)
            found += zip(points, tallies, strict=True)
        return found
