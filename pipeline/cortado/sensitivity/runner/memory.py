"""What fits into caches and memory: images of a batch, weights of a stack, values that are kept.

batch   images whose live values take 2 MiB at the widest cut, a part of a core's cache
stack   weights of one layer that are tried at once, see `ends`
kept    cuts whose live values stay in memory for all images, 128 MiB in all, so that what lies
        before a wave need not be computed again. Late cuts come first: values are small there,
        and the way from the images is long.

All of it follows from the sizes of one image's values; nothing depends on the clock, nor on what
else is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cortado.scoring.images import Images
from cortado.sensitivity.options import Kind
from cortado.sensitivity.runner.cache import Place
from cortado.sensitivity.runner.prefix import Path
from cortado.sensitivity.runner.split_points import Cut, Network
from cortado.sensitivity.runner.suffix import stack_sizes

__all__ = ["Fit"]

_BATCH_BYTES = 2**21
_SMALLEST, _LARGEST = 4, 125
_KEPT_BYTES = 2**27


@dataclass(frozen=True)
class Fit:
    """How much of everything is in hand at a time.

    Attributes
    ----------
    batch : int
        Images that are computed together.
    stacks : mapping of Cut to (mapping of kind to int)
        Weights of the layer that are tried at once.
    kept : frozenset of tuple of str
        The values at cuts that are kept.
    """

    batch: int
    stacks: Mapping[Cut, Mapping[Kind, int]]
    kept: frozenset[Place]

    @classmethod
    def of(cls, network: Network, cuts: Sequence[Cut], images: Images) -> "Fit":
        """Return what fits of the values at `cuts`, which one image shows."""
        sizes = _live_bytes(network, cuts, images)
        fitting = _BATCH_BYTES // max(sizes.values())
        batch = network.feed.batch or min(max(fitting, _SMALLEST), _LARGEST)
        stacks, kept = {}, set()
        widest, room = 0, _KEPT_BYTES
        for cut in reversed(cuts):
            widest = max(widest, sizes[cut])
            stacks[cut] = stack_sizes(network, cut, batch * widest)
            need = sizes[cut] * len(images.samples)
            if cut.values not in kept and need <= room:
                kept.add(cut.values)
                room -= need
        return cls(batch, stacks, frozenset(kept))


def _live_bytes(network: Network, cuts: Sequence[Cut], images: Images) -> dict[Cut, int]:
    """Return the bytes that live at each cut, for one image."""
    feed = network.feed
    count = feed.batch or 1
    inputs = feed(images.samples.take(np.zeros(count, np.int64)).pixels)
    start, places = (feed.name,), [cut.values for cut in cuts]
    ways = Path(network, start, places, [start]).run({start: {feed.name: inputs}})
    return {
        cut: max(1, sum(array.nbytes for array in values.values()) // count)
        for cut, values in zip(cuts, ways, strict=True)
    }
