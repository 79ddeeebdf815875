"""Confidence intervals of 95 % of a figure.

binary   a fraction p = k / n: Wilson's interval (1927), which never leaves 0 … 1 and keeps a width
         where p is either
mean     mean ± t s / √n, by Student's t
pooled   the quantiles of the bootstrap
"""

import math

from cortado.model.typing import FloatArray
from cortado.stats.bootstrap import draws, upper
from cortado.stats.paired import Aggregate
from cortado.stats.quantiles import t

__all__ = ["figure_interval", "mean_interval", "wilson_interval"]

_LEVEL = 0.95


def wilson_interval(count: int, samples: int) -> tuple[float, float]:
    """Return the ends of the interval of a fraction: `count` of `samples` ≥ 1."""
    from scipy import stats  # slow to import

    found = stats.binomtest(count, samples).proportion_ci(_LEVEL, method="wilson")
    return float(found.low), float(found.high)


def mean_interval(mean: float, variance: float, samples: int) -> tuple[float, float]:
    """Return the ends of the interval of a mean; it is infinite if there is one sample only.

    Parameters
    ----------
    mean, variance : float
        Of the samples; the variance with a divisor of samples − 1.
    samples : int
        How many there are.
    """
    if samples == 1:
        return -math.inf, math.inf
    reach = t(_LEVEL, samples) * math.sqrt(variance / samples)
    return mean - reach, mean + reach


def figure_interval(figure: Aggregate, parts: FloatArray) -> tuple[float, float]:
    """Return the ends of the interval of a figure.

    Parameters
    ----------
    figure : Aggregate
        What is computed.
    parts : array of shape (n, k)
        The statistics of n ≥ 1 samples.
    """
    count = len(parts)
    if figure.kind == "binary":
        return wilson_interval(int(parts[:, 0].sum()), count)
    value = figure.value(parts)
    if count == 1 or not math.isfinite(value):
        return -math.inf, math.inf
    if figure.kind == "mean":
        return mean_interval(value, float(parts[:, 0].var(ddof=1)), count)
    found = draws(lambda sums: figure.value(sums[0]), parts)
    return 0.0 - upper(-found, _LEVEL, count), upper(found, _LEVEL, count)  # 0, never −0
