"""Labelled images, taken by index.

A source need not hold its images in memory: `take` may read or decode them.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from cortado.errors import CortadoError
from cortado.model.typing import Array, FloatArray, IntArray

__all__ = ["ArraySamples", "Batch", "Samples", "Subset", "subset"]


class Batch(NamedTuple):
    """Images and their labels.

    Attributes
    ----------
    pixels : array of shape (n, channels, height, width) or (n, features), float32
        0…255, before the model's input transform.
    labels : array of shape (n,), int64
    """

    pixels: FloatArray
    labels: IntArray


class Samples(Protocol):
    """A finite sequence of labelled images."""

    @property
    def labels(self) -> IntArray:
        """All labels, of shape (n,)."""
        ...

    def __len__(self) -> int: ...

    def take(self, indices: IntArray) -> Batch:
        """Return the images and labels at `indices`, in that order."""
        ...


@dataclass(frozen=True)
class ArraySamples:
    """Images held in one array.

    Attributes
    ----------
    pixels : array of shape (n, …)
        Any numeric type, 0…255.
    labels : array of shape (n,), int64
    """

    pixels: Array
    labels: IntArray

    def __post_init__(self) -> None:
        if len(self.pixels) != len(self.labels):
            raise CortadoError(f"{len(self.pixels)} images have {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: IntArray) -> Batch:
        """Return the images and labels at `indices`."""
        return Batch(self.pixels[indices].astype(np.float32, copy=False), self.labels[indices])


@dataclass(frozen=True)
class Subset:
    """Some of the images of other samples, by their indices of shape (n,)."""

    whole: Samples
    indices: IntArray

    @property
    def labels(self) -> IntArray:
        """The labels of the chosen images."""
        return self.whole.labels[self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, indices: IntArray) -> Batch:
        """Return the images and labels at `indices` of the subset."""
        return self.whole.take(self.indices[indices])


def subset(samples: Samples, count: int | None, seed: int = 0) -> Samples:
    """Return `count` images drawn at random without repetition; all, if it is None or too many."""
    if count is None or count >= len(samples):
        return samples
    chosen = np.random.default_rng(seed).permutation(len(samples))[:count]
    return Subset(samples, np.sort(chosen))
