"""Images, a batch at a time, as a model takes them.

The last batch of a model that takes only one size is filled up with the first images.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from cortado.data.feed import Feed
from cortado.data.samples import Samples
from cortado.model.typing import FloatArray, IntArray

__all__ = ["Fed", "Inputs", "feed_batches"]

_MOST_IMAGES, _MOST_PIXELS = 100, 2**22  # of a batch


class Fed(NamedTuple):
    """What a model is fed with, and the n images that count of it.

    Attributes
    ----------
    inputs : array of shape (m, …)
        As the model wants them; those from n on only fill the batch up.
    labels : array of shape (n,), int64
    indices : array of shape (n,), int64
        Which of the samples they are.
    """

    inputs: FloatArray
    labels: IntArray
    indices: IntArray


def feed_batches(feed: Feed, samples: Samples, size: int) -> Iterator[Fed]:
    """Yield all images in order, `size` at a time where the model takes any number."""
    count, size = len(samples), feed.batch or size
    for begin in range(0, count, size):
        end = min(begin + size, count)
        taken = np.arange(begin, begin + size if feed.batch else end) % count
        pixels, labels = samples.take(taken)
        yield Fed(feed(pixels), labels[: end - begin], taken[: end - begin])


@dataclass(frozen=True)
class Inputs:
    """Images as inputs of a model, batches that are made whenever one goes through them.

    Attributes
    ----------
    feed : Feed
        Of the model.
    parts : tuple of Samples
        The images; no batch has images of two parts.
    size : int
        Images a batch: the more, the smaller they are.
    """

    feed: Feed
    parts: tuple[Samples, ...]
    size: int

    @classmethod
    def of(cls, model: ir.Model, *parts: Samples) -> "Inputs":
        """Return all images of some samples as inputs of `model`."""
        feed, pixels = Feed.of(model), parts[0].take(np.zeros(1, np.int64)).pixels.size
        size = feed.batch or min(max(1, _MOST_PIXELS // pixels), _MOST_IMAGES)
        return cls(feed, parts, size)

    def __len__(self) -> int:
        return sum(-(-len(part) // self.size) for part in self.parts)

    def __iter__(self) -> Iterator[FloatArray]:
        for part in self.parts:
            for fed in feed_batches(self.feed, part, self.size):
                yield fed.inputs
