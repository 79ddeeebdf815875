"""The sampling error of any figure of n samples: the bootstrap (Efron 1979).

The figure is computed again of n samples drawn from these with replacement, a thousand times. The
quantiles of these draws are a little too near to each other where n is small. So they are taken
at the expanded level of Hesterberg (2015, The American Statistician 69, 371),

    Φ(√(n / (n − 1)) · t_p)        in place of p, t_p with n − 1 degrees of freedom.
"""

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from cortado.model.typing import FloatArray
from cortado.stats.quantiles import t

__all__ = ["draws", "upper"]

_RESAMPLES = 1000
_AT_ONCE = 50  # draws of indices in memory
_SEED = 0


def draws(figure: Callable[[Sequence[FloatArray]], float], *parts: FloatArray) -> FloatArray:
    """Return a figure of resampled samples, of shape (1000,); the same every time.

    There are fewer where some draws have no value, as the overlap of masks has none where nothing
    is marked: they say nothing of the others.

    Parameters
    ----------
    figure : callable
        Takes the sums of the parts over the samples drawn, each of shape (1, k).
    parts : array of shape (n, k)
        Statistics of n ≥ 2 samples, which the figure is a function of the sums of.
    """
    from scipy import stats  # slow to import

    def of_draws(places: FloatArray, axis: int) -> FloatArray:
        del axis  # the last
        drawn = places.astype(np.intp).reshape(-1, places.shape[-1])
        sums = [array[drawn].sum(axis=1, keepdims=True) for array in parts]
        values = np.array([figure(each) for each in zip(*sums, strict=True)])
        return values.reshape(places.shape[:-1])

    with warnings.catch_warnings(action="ignore", category=stats.DegenerateDataWarning):
        found = stats.bootstrap(
            (np.arange(len(parts[0])),),
            of_draws,
            n_resamples=_RESAMPLES,
            batch=_AT_ONCE,
            vectorized=True,
            method="percentile",
            rng=np.random.default_rng(_SEED),
        )
    result: FloatArray = found.bootstrap_distribution
    return result[~np.isnan(result)]


def upper(values: FloatArray, level: float, samples: int) -> float:
    """Return the upper end of a two-sided interval of such a level, from draws of `samples`."""
    from scipy import special

    expanded = special.ndtr(math.sqrt(samples / (samples - 1)) * t(level, samples))
    return float(np.quantile(values, expanded))
