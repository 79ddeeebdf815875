"""How much worse a changed model is than the dense one, on the same n samples.

The drop d is positive where the changed model is worse. It is itself drawn by chance, and so is
the drop on n other samples: an interval is given in which that one lies with 95 %, and reaches

    min(d, 0) − r … d + r

**Binary figures.** b samples are right in the dense model alone and c in the changed one alone:
d = (b − c) / n. With changes as frequent in both sets, the two drops differ by a variance of
2 (b + c − n d²) / n². Where the other samples lose more than these, though, changes are more
frequent than b + c tells. The score method (Wilson 1927) takes the frequency that both sets
together would show, which makes r a root of (n r)² = z² (2 (b + c − n d²) + n r):

    r = (z²/2 + √(z⁴/4 + 2 z² (b + c − n d²))) / n

At most 1 of 40 times other samples lose more, also where b and c are few. The variance of d itself
is (b + c + 1) / n²: the added one keeps a width where nothing differs (Agresti and Min 2005).

**Means.** With s the standard deviation of the differences, r = t s √(2 / n) by Student's t of
n − 1 degrees of freedom, and the variance of d is s² / n. Differences that are all the same have
no width. Where a few samples lose much and most lose little, other samples lose more than d + r
more often than 2.5 times of 100: with a skewness of 1.4 and 25 samples 5 times, with 400 3.5.

**Pooled figures**, such as a ratio of sums: r is a quantile of the difference of two draws of the
bootstrap.

Why not d − r below: it would hold for samples that are new to the dense model as well. Most models
that are imported were trained on the validation data too, and are right on nearly all of it, so
that there is next to nothing to gain there, whereas on new samples a change gains some of what it
loses. Gains are hence taken to lie between as frequent as here, and as frequent as losses: between
a drop of d and none.

What it does not cover: samples of another kind, on which losses are more frequent; and that the
smallest of several plans was taken because its r + d is low, which luck does too: of plans that are
chosen in this way, 2 to 5 of 100 lose more than r + d on other samples, rather than 2.5.
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np

from cortado.errors import CortadoError
from cortado.model.typing import FloatArray
from cortado.stats.bootstrap import draws, upper
from cortado.stats.quantiles import t, z

__all__ = [
    "Aggregate",
    "Drop",
    "Kind",
    "binary_drop",
    "binary_variance",
    "count_changes",
    "count_samples",
    "differences",
    "drop_draws",
    "drop_of",
    "paired_drop",
]

Kind: TypeAlias = Literal["binary", "mean", "pooled"]

_LEVEL = 0.95


class Aggregate(Protocol):
    """A figure of n samples, computed from statistics of each, an array of shape (n, k).

    Its kind says how: ``binary`` and ``mean`` are the mean of one statistic a sample, k = 1, which
    is 0 or 1 where it is binary; ``pooled`` is anything else.
    """

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """Whether a changed model is worse where it falls."""
        ...

    @property
    def kind(self) -> Kind:
        """How it is computed."""
        ...

    def value(self, parts: FloatArray) -> float:
        """Return the figure of statistics of shape (n, k)."""
        ...


@dataclass(frozen=True)
class Drop:
    """How much worse a changed model is.

    Attributes
    ----------
    mean : float
        On the samples that were seen, in the unit of the figure; positive is worse.
    low, high : float
        The interval of 95 % for as many other samples; infinite if there is one
        sample only, or the figure is not finite.
    variance : float
        Of `mean`.
    """

    mean: float
    low: float
    high: float
    variance: float


def paired_drop(figure: Aggregate, dense: FloatArray, changed: FloatArray) -> Drop:
    """Return the drop from the dense model to a changed one.

    Parameters
    ----------
    figure : Aggregate
        What is compared.
    dense, changed : array of shape (n, k)
        The statistics of both models, of the same samples in the same order.

    Raises
    ------
    CortadoError
        If there are no samples, or another number of one than of the other.
    """
    count = count_samples(figure, dense, changed)
    if figure.kind == "binary":
        return binary_drop(*count_changes(figure, dense, changed), count)
    mean = drop_of(figure, dense, changed)
    if count == 1 or not math.isfinite(mean):
        return Drop(mean, -math.inf, math.inf, math.inf)
    if figure.kind == "mean":
        variance = float(differences(figure, dense, changed).var(ddof=1)) / count
        return _drop(mean, t(_LEVEL, count) * math.sqrt(2 * variance), variance)
    found = drop_draws(figure, dense, changed)
    reach = upper(np.subtract.outer(found, found).ravel(), _LEVEL, count)
    return _drop(mean, reach, float(found.var(ddof=1)))


def binary_drop(lost: float, gained: float, samples: int) -> Drop:
    """Return the drop of a binary figure.

    Parameters
    ----------
    lost, gained : float
        Samples that only the dense model gets right, and that only the changed one does.
    samples : int
        All samples that were looked at, ≥ 1.
    """
    mean = (lost - gained) / samples
    changed, square = lost + gained - (lost - gained) * mean, z(_LEVEL) ** 2
    reach = (square / 2 + math.sqrt(square**2 / 4 + 2 * square * changed)) / samples
    return _drop(mean, reach, binary_variance(lost, gained, samples))


def binary_variance(lost: float, gained: float, samples: int) -> float:
    """Return the variance of the drop of a binary figure."""
    return (lost + gained + 1) / samples**2


def count_samples(figure: Aggregate, dense: FloatArray, changed: FloatArray) -> int:
    """Return the number of samples.

    Raises
    ------
    CortadoError
        If there are none, or another number of the one model than of the other.
    """
    if len(dense) != len(changed) or len(dense) == 0:
        raise CortadoError(
            f"{figure.name} is compared on the same samples, not on {len(dense)} of the dense "
            f"model and {len(changed)} of the changed one"
        )
    return len(dense)


def drop_of(figure: Aggregate, dense: FloatArray, changed: FloatArray) -> float:
    """Return how much worse the changed model is on these samples."""
    before, after = figure.value(dense), figure.value(changed)
    return before - after if figure.higher_is_better else after - before


def differences(figure: Aggregate, dense: FloatArray, changed: FloatArray) -> FloatArray:
    """Return how much worse each sample is, of shape (n,), for figures that are means."""
    falls: FloatArray = dense[:, 0].astype(np.float64) - changed[:, 0]
    return falls if figure.higher_is_better else -falls


def count_changes(figure: Aggregate, dense: FloatArray, changed: FloatArray) -> tuple[int, int]:
    """Return how many samples a binary figure loses, and how many it gains."""
    worse = differences(figure, dense, changed)
    return int((worse > 0).sum()), int((worse < 0).sum())


def drop_draws(figure: Aggregate, dense: FloatArray, changed: FloatArray) -> FloatArray:
    """Return the drops of the bootstrap, of shape (draws,)."""
    return draws(lambda sums: drop_of(figure, *sums), dense, changed)


def _drop(mean: float, reach: float, variance: float) -> Drop:
    return Drop(mean, min(mean, 0.0) - reach, mean + reach, variance)
