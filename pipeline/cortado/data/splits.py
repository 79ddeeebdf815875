"""Training, validation and test part of a data set.

Every choice is made on the validation part, which is held out of the training part with a seed that
never changes; the test part is only ever reported. A source without a test part of its own is
divided four to one first.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.data.samples import Samples, Subset, Unlabelled
from cortado.errors import CortadoError, UsageError

__all__ = ["Dataset", "SplitName", "divide", "from_train_and_test", "from_whole"]

SplitName = Literal["train", "val", "test", "all"]

_VALIDATION_FRACTION = 0.1
_TEST_FRACTION = 0.2
_SEED = 20151001  # of the division; never changed, so that figures stay comparable


@dataclass(frozen=True)
class Dataset:
    """A data set in three parts that share no sample.

    Attributes
    ----------
    train, val, test : Samples
        The parts.
    whole : Samples or None
        All samples in their order, where the source does not divide them.
    """

    train: Samples
    val: Samples
    test: Samples
    whole: Samples | None = None

    @property
    def labelled(self) -> bool:
        """Whether the samples have targets."""
        return self.train.take(np.zeros(1, np.int64)).targets is not None

    @property
    def classes(self) -> int:
        """One more than the largest label of any part; 0 without integer labels."""
        labels = [part.labels for part in (self.train, self.val, self.test)]
        known = [each for each in labels if each is not None]
        return 1 + max(int(each.max()) for each in known) if len(known) == len(labels) else 0

    @property
    def unlabelled(self) -> "Dataset":
        """The same samples without their targets."""
        whole = None if self.whole is None else Unlabelled(self.whole)
        return Dataset(Unlabelled(self.train), Unlabelled(self.val), Unlabelled(self.test), whole)

    def split(self, name: SplitName) -> Samples:
        """Return a part by its name.

        Raises
        ------
        UsageError
            If all samples are asked for, and the source divides them.
        """
        if name == "all":
            if self.whole is None:
                raise UsageError("the data have parts of their own: choose train, val or test")
            return self.whole
        return {"train": self.train, "val": self.val, "test": self.test}[name]


def from_train_and_test(train: Samples, test: Samples) -> Dataset:
    """Hold a validation part out of `train`."""
    rest, val = divide(train, _VALIDATION_FRACTION)
    return Dataset(rest, val, test)


def from_whole(whole: Samples) -> Dataset:
    """Hold a test part out of `whole`, and a validation part out of what is left."""
    rest, test = divide(whole, _TEST_FRACTION)
    train, val = divide(rest, _VALIDATION_FRACTION)
    return Dataset(train, val, test, whole)


def divide(samples: Samples, fraction: float) -> tuple[Samples, Samples]:
    """Return samples without a fraction of them, and that fraction, always in the same way."""
    order = np.random.default_rng(_SEED).permutation(len(samples))
    held = round(fraction * len(samples))
    if held == 0:
        raise CortadoError(f"too few samples to hold a part of them out: {len(samples)}")
    return Subset(samples, np.sort(order[held:])), Subset(samples, np.sort(order[:held]))
