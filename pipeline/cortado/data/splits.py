"""Training, validation and test part of a data set.

Every choice is made on the validation part, which is held out of the training part with a
seed that never changes; the test part is only ever reported. A source without a test part of
its own is divided four to one first.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.data.samples import Samples, Subset
from cortado.errors import CortadoError

__all__ = ["Dataset", "SplitName", "divide", "from_train_and_test", "from_whole"]

SplitName = Literal["train", "val", "test"]

_VALIDATION_FRACTION = 0.1
_TEST_FRACTION = 0.2
_SEED = 20151001  # of the division; never changed, so that figures stay comparable


@dataclass(frozen=True)
class Dataset:
    """A data set in three parts that share no image."""

    train: Samples
    val: Samples
    test: Samples

    @property
    def classes(self) -> int:
        """One more than the largest label of any part."""
        return 1 + max(int(part.labels.max()) for part in (self.train, self.val, self.test))

    def split(self, name: SplitName) -> Samples:
        """Return a part by its name."""
        parts: dict[SplitName, Samples] = {"train": self.train, "val": self.val, "test": self.test}
        return parts[name]


def from_train_and_test(train: Samples, test: Samples) -> Dataset:
    """Hold a validation part out of `train`."""
    rest, val = divide(train, _VALIDATION_FRACTION)
    return Dataset(rest, val, test)


def from_whole(whole: Samples) -> Dataset:
    """Hold a test part out of `whole`, and a validation part out of what is left."""
    train, test = divide(whole, _TEST_FRACTION)
    return from_train_and_test(train, test)


def divide(samples: Samples, fraction: float) -> tuple[Samples, Samples]:
    """Return samples without a fraction of them, and that fraction, always in the same way."""
    order = np.random.default_rng(_SEED).permutation(len(samples))
    held = round(fraction * len(samples))
    if held == 0:
        raise CortadoError(f"too few images to hold a part of them out: {len(samples)}")
    return Subset(samples, np.sort(order[held:])), Subset(samples, np.sort(order[:held]))
