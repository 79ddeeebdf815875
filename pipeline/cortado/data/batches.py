"""Samples, a batch at a time, as a model takes them.

Samples that differ in shape are batched with those alike. The last batch of a model that takes
only one size is filled up with the first samples.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from cortado.data.feed import Feed
from cortado.data.samples import TARGET, Samples, labels_of
from cortado.errors import CortadoError
from cortado.model.typing import Array, IntArray

__all__ = ["Fed", "Inputs", "feed_batch", "feed_batches", "index_batches"]

_MOST_SAMPLES, _MOST_ELEMENTS = 100, 2**22  # of a batch


class Fed(NamedTuple):
    """The inputs of one run of a model, and which n samples they hold.

    Attributes
    ----------
    inputs : dict of str to array
        Graph input → array of shape (m, …), as the model wants it; the samples from n on only
        fill the batch up.
    targets : mapping of str to array, or None
        Arrays of shape (n, …).
    indices : array of shape (n,), int64
        Which of the samples they are.
    """

    inputs: dict[str, Array]
    targets: Mapping[str, Array] | None
    indices: IntArray

    @property
    def labels(self) -> IntArray:
        """The labels, where the targets are one integer a sample."""
        labels = labels_of(self.targets)
        if labels is None:
            raise CortadoError(f"the samples have no labels: one integer {TARGET!r} each")
        return labels


def feed_batches(feed: Feed, samples: Samples, size: int) -> Iterator[Fed]:
    """Yield all samples, `size` at a time where the model takes any number, alike ones together."""
    size = feed.limit(samples) or size
    for chosen in index_batches(samples, size):
        yield feed_batch(feed, samples, chosen)


def feed_batch(feed: Feed, samples: Samples, chosen: IntArray) -> Fed:
    """Return the samples at some indices, which are alike, as one batch of the model."""
    taken = chosen
    if feed.batch is not None and len(chosen) < feed.batch:
        taken = np.resize(np.concatenate([chosen, _fillers(samples, chosen)]), feed.batch)
    batch = samples.take(taken)
    targets = batch.targets
    if targets is not None and len(taken) > len(chosen):
        targets = {name: array[: len(chosen)] for name, array in targets.items()}
    return Fed(feed(batch), targets, chosen)


def index_batches(samples: Samples, size: int) -> Iterator[IntArray]:
    """Yield the indices of all samples, at most `size` at a time, in order but for their shapes."""
    everything, alike = np.arange(len(samples)), samples.alike
    groups = [everything]
    if alike is not None:
        kinds, first = np.unique(alike, return_index=True)
        groups = [np.flatnonzero(alike == kind) for kind in kinds[np.argsort(first)]]
    for group in groups:
        for begin in range(0, len(group), size):
            yield group[begin : begin + size]


def _fillers(samples: Samples, chosen: IntArray) -> IntArray:
    """Return the samples, alike to the chosen ones, that fill a batch up: the first ones."""
    alike = samples.alike
    if alike is None:
        return np.arange(len(samples))
    return np.flatnonzero(alike == alike[chosen[0]])


@dataclass(frozen=True)
class Inputs:
    """Samples as inputs of a model, batches that are made whenever one goes through them.

    Attributes
    ----------
    feed : Feed
        The adapters of the model.
    parts : tuple of Samples
        The samples; no batch has samples of two parts.
    size : int
        Samples a batch: the more, the smaller they are.
    """

    feed: Feed
    parts: tuple[Samples, ...]
    size: int

    @classmethod
    def of(cls, model: ir.Model, *parts: Samples, raw: bool = False) -> "Inputs":
        """Return all of some samples as inputs of `model`."""
        feed = Feed.of(model, raw=raw)
        first = parts[0].take(np.zeros(1, np.int64)).inputs
        elements = max(1, sum(array.size for array in first.values()))
        size = feed.limit(parts[0]) or min(max(1, _MOST_ELEMENTS // elements), _MOST_SAMPLES)
        return cls(feed, parts, size)

    def __len__(self) -> int:
        return sum(1 for part in self.parts for _ in index_batches(part, self.size))

    def __iter__(self) -> Iterator[dict[str, Array]]:
        for part in self.parts:
            for fed in feed_batches(self.feed, part, self.size):
                yield fed.inputs
