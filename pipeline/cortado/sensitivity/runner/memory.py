"""Sizes that fit caches and memory: samples of a batch, weights of a stack, values that are kept.

batch   samples whose live values take 2 MiB at the widest cut, a part of a core's cache
stack   weights of one layer that are tried at once, see `suffix`
kept    cuts whose live values stay in memory for all samples, 128 MiB in all, so that what lies
        before a wave need not be computed again. Late cuts come first: values are small there,
        and the way from the inputs is long.

All of it follows from the sizes of one sample's values, or of a few where samples differ in shape,
and from which of them grow with the number of samples; nothing depends on the clock, nor on what
else is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cortado.data import Samples
from cortado.data.batches import feed_batch
from cortado.model.typing import IntArray
from cortado.sensitivity.runner.cache import Place
from cortado.sensitivity.runner.prefix import Path
from cortado.sensitivity.runner.split_points import Cut, Network
from cortado.sensitivity.runner.suffix import is_plain, stack_sizes

__all__ = ["Fit"]

_BATCH_BYTES = 2**21
_SMALLEST, _LARGEST = 4, 125
_KEPT_BYTES = 2**27
_MOST_SHAPES = 8  # that are looked at
_PROBES = (1, 3)  # numbers of samples that show which values have an axis of samples


@dataclass(frozen=True)
class Fit:
    """How much of everything is in hand at a time.

    Attributes
    ----------
    batch : int
        Samples that are computed together.
    stacks : mapping of Cut to (mapping of kind to int)
        Weights of the layer that are tried at once.
    kept : frozenset of tuple of str
        The values at cuts that are kept.
    """

    batch: int
    stacks: Mapping[Cut, Mapping[str, int]]
    kept: frozenset[Place]

    @classmethod
    def of(cls, network: Network, cuts: Sequence[Cut], samples: Samples, size: int | None) -> "Fit":
        """Return what fits of the values at `cuts`, which a few samples show.

        Parameters
        ----------
        network, cuts
            The cut graph.
        samples : Samples
            What it is measured on.
        size : int or None
            The only number of samples that run at once, if there is one.
        """
        sizes = _live_bytes(network, cuts, samples)
        fitting = _BATCH_BYTES // max(sizes.values())
        batch = size or min(max(fitting, _SMALLEST), _LARGEST)
        batched = _batched(network, cuts, samples) if size is None else frozenset()
        stacks, kept = {}, set()
        widest, room = 0, _KEPT_BYTES
        for cut in reversed(cuts):
            widest = max(widest, sizes[cut])
            stacks[cut] = stack_sizes(cut, batch * widest, batched=cut in batched)
            need = sizes[cut] * len(samples)
            if cut.values not in kept and need <= room:
                kept.add(cut.values)
                room -= need
        return cls(batch, stacks, frozenset(kept))


def _live_bytes(network: Network, cuts: Sequence[Cut], samples: Samples) -> dict[Cut, int]:
    """Return the bytes that live at each cut, for one sample of the largest shape seen."""
    start, places = network.feed.names, [cut.values for cut in cuts]
    path, count = Path(network, start, places, [start]), network.feed.batch or 1
    found = dict.fromkeys(cuts, 1)
    for index in _different(samples):
        inputs = feed_batch(network.feed, samples, np.full(count, index)).inputs
        for cut, values in zip(cuts, path.run({start: inputs}), strict=True):
            live = sum(array.nbytes for array in values.values()) // count
            found[cut] = max(found[cut], live)
    return found


def _batched(network: Network, cuts: Sequence[Cut], samples: Samples) -> frozenset[Cut]:
    """Return the plain layers that have only values with a first axis of samples around them."""
    start, plain = network.feed.names, [cut for cut in cuts if is_plain(cut)]
    places = [place for cut in plain for place in (cut.values, cut.behind)]
    path, found = Path(network, start, places, [start]), set(plain)
    for count in _PROBES:
        inputs = feed_batch(network.feed, samples, np.zeros(count, np.int64)).inputs
        for place, values in enumerate(path.run({start: inputs})):
            if any(array.shape[:1] != (count,) for array in values.values()):
                found.discard(plain[place // 2])
    return frozenset(found)


def _different(samples: Samples) -> IntArray:
    """Return the indices of a few samples of different shapes."""
    alike = samples.alike
    if alike is None:
        return np.zeros(1, np.int64)
    _, first = np.unique(alike, return_index=True)
    return first[np.linspace(0, len(first) - 1, min(len(first), _MOST_SHAPES)).astype(np.int64)]
