"""Samples, taken by index: what a source gives, before a model's input adapters.

A sample is a set of named arrays, perhaps with named targets. A source need not hold its samples
in memory: `take` may read or decode them. Images of any source are called `IMAGE`, a target that
names no output of the model is called `TARGET`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from cortado.errors import CortadoError
from cortado.model.typing import Array, IntArray

__all__ = [
    "IMAGE",
    "TARGET",
    "ArraySamples",
    "Batch",
    "Samples",
    "Subset",
    "Unlabelled",
    "labelled_images",
    "labels_of",
    "subset",
]

IMAGE = "image"
"""The name of pixels, 0…255, of shape (n, channels, height, width) or (n, features)."""

TARGET = "target"
"""The name of a target that belongs to the main output."""


class Batch(NamedTuple):
    """Samples, side by side.

    Attributes
    ----------
    inputs : mapping of str to array
        Arrays of shape (n, …) in their own types. An array of shape () holds for all samples.
    targets : mapping of str to array, or None
        Arrays of shape (n, …); None where the samples have no targets.
    """

    inputs: Mapping[str, Array]
    targets: Mapping[str, Array] | None = None


class Samples(Protocol):
    """A finite sequence of samples."""

    @property
    def labels(self) -> IntArray | None:
        """All targets, of shape (n,), where they are one integer a sample; else None."""
        ...

    @property
    def alike(self) -> IntArray | None:
        """Equal numbers for samples of equal shapes, of shape (n,); None where all are equal."""
        ...

    def __len__(self) -> int: ...

    def take(self, indices: IntArray) -> Batch:
        """Return the samples at `indices`, which are alike, in that order."""
        ...


@dataclass(frozen=True)
class ArraySamples:
    """Samples held in arrays.

    Attributes
    ----------
    inputs : mapping of str to array
        Arrays of shape (n, …), or of shape () for all samples.
    targets : mapping of str to array, or None
        Arrays of shape (n, …).

    Raises
    ------
    CortadoError
        If the arrays differ in their number of samples.
    """

    inputs: Mapping[str, Array]
    targets: Mapping[str, Array] | None = None

    def __post_init__(self) -> None:
        for name, array in (self.targets or {}).items():
            if len(array) != len(self):
                raise CortadoError(f"{len(self)} samples have {len(array)} targets of {name!r}")
        for name, array in self.inputs.items():
            if array.ndim and len(array) != len(self):
                first = next(key for key, each in self.inputs.items() if each.ndim)
                raise CortadoError(
                    f"there are {len(self)} samples of {first!r} and {len(array)} of {name!r}"
                )

    @property
    def labels(self) -> IntArray | None:
        """The only target, where it is one integer a sample."""
        return labels_of(self.targets)

    @property
    def alike(self) -> IntArray | None:
        """None: samples in one array have one shape."""
        return None

    def __len__(self) -> int:
        return next((len(array) for array in self.inputs.values() if array.ndim), 1)

    def take(self, indices: IntArray) -> Batch:
        """Return the samples at `indices`."""
        inputs = {
            name: array[indices] if array.ndim else array for name, array in self.inputs.items()
        }
        if self.targets is None:
            return Batch(inputs)
        return Batch(inputs, {name: array[indices] for name, array in self.targets.items()})


@dataclass(frozen=True)
class Subset:
    """Some of the samples of others, by their indices of shape (n,)."""

    whole: Samples
    indices: IntArray

    @property
    def labels(self) -> IntArray | None:
        """The labels of the chosen samples."""
        labels = self.whole.labels
        return None if labels is None else labels[self.indices]

    @property
    def alike(self) -> IntArray | None:
        """The chosen part of `alike`."""
        alike = self.whole.alike
        return None if alike is None else alike[self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, indices: IntArray) -> Batch:
        """Return the samples at `indices` of the subset."""
        return self.whole.take(self.indices[indices])


@dataclass(frozen=True)
class Unlabelled:
    """Samples without the targets that they have."""

    whole: Samples

    @property
    def labels(self) -> IntArray | None:
        """None."""
        return None

    @property
    def alike(self) -> IntArray | None:
        """As of the samples with their targets."""
        return self.whole.alike

    def __len__(self) -> int:
        return len(self.whole)

    def take(self, indices: IntArray) -> Batch:
        """Return the inputs of the samples at `indices`."""
        return Batch(self.whole.take(indices).inputs)


def labelled_images(pixels: Array, labels: Array | None = None) -> ArraySamples:
    """Return images of shape (n, …) with one label each, or without labels."""
    return ArraySamples({IMAGE: pixels}, None if labels is None else {TARGET: labels})


def labels_of(targets: Mapping[str, Array] | None) -> IntArray | None:
    """Return the only target of a mapping, where it is one integer a sample; else None."""
    if targets is None or len(targets) != 1:
        return None
    (array,) = targets.values()
    is_label = array.ndim == 1 and np.issubdtype(array.dtype, np.integer)
    return array.astype(np.int64, copy=False) if is_label else None


def subset(samples: Samples, count: int | None, seed: int = 0) -> Samples:
    """Return `count` samples drawn at random without repetition; all, if it is None or too many."""
    if count is None or count >= len(samples):
        return samples
    chosen = np.random.default_rng(seed).permutation(len(samples))[:count]
    return Subset(samples, np.sort(chosen))
