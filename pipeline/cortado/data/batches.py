"""Images, a batch at a time, as a model takes them.

The last batch of a model that takes only one size is filled up with the first images.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cortado.data.feed import Feed
from cortado.data.samples import Samples
from cortado.model.typing import FloatArray, IntArray

__all__ = ["Fed", "feed_batches"]


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
