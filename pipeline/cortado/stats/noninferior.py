"""Whether samples show that a smaller model loses no more than it may, one-sided at 5 %.

**Binary figures.** Of the same n samples b are right with the dense model alone, and c with the
smaller one alone. That the figure falls by less than D is shown where the score test for matched
pairs refuses a fall of D (Tango 1998, Statistics in Medicine 17, 891):

    (b − c − n D) / √(n (2 q + D − D²)) ≤ −z,        z = 1.645

where q is the likeliest part of samples that only the smaller model gets right, if D it were:

    4 n q = B + √(B² + 8 n c D (1 − D)),    B = b + c − (2 n − b + c) D.

Where none of n samples changes, this holds from n = z² (1 − D) / D on.

**Means.** With the mean d of the differences and their standard deviation s, it is shown where
d + t s / √n ≤ D, by Student's t of n − 1 degrees of freedom.

**Pooled figures.** It is shown where the quantile of the bootstrap is D at most.

Fewer samples than it takes cannot show it, whatever comes out, and none can for D = 0; there the
smaller model must not lose more than it gains.
"""

import math
from dataclasses import dataclass

import numpy as np

from cortado.model.typing import FloatArray
from cortado.stats.bootstrap import upper
from cortado.stats.paired import (
    Aggregate,
    Kind,
    count_changes,
    count_samples,
    differences,
    drop_draws,
    drop_of,
)
from cortado.stats.quantiles import t, z

__all__ = ["Limit"]

_LEVEL = 0.9  # two-sided; 5 % lie beyond on either side
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Limit:
    """The largest drop, and the number of samples that must show it.

    Attributes
    ----------
    drop : float
        D, in the unit of the figure; of a binary one a fraction of the samples, 0 ≤ D < 1.
    images : int
        n, the number of samples.
    kind : {"binary", "mean", "pooled"}
        That of the figure.
    """

    drop: float
    images: int
    kind: Kind = "binary"

    @property
    def fewest(self) -> float:
        """The samples that it takes at least."""
        if self.drop <= 0:
            return math.inf
        return z(_LEVEL) ** 2 * (1 - self.drop) / self.drop if self.kind == "binary" else 2

    @property
    def is_testable(self) -> bool:
        """Whether there are so many."""
        return self.images >= self.fewest

    def holds(self, lost: float, gained: float) -> bool:
        """Return whether `lost` and `gained` samples show it; of too few, if none more is lost."""
        if not self.is_testable:
            return lost <= gained
        n, drop = self.images, self.drop
        b = lost + gained - (2 * n - lost + gained) * drop
        q = (b + math.sqrt(b * b + 8 * n * gained * drop * (1 - drop))) / (4 * n)
        reach = z(_LEVEL) * math.sqrt(n * (2 * q + drop - drop * drop))
        return lost - gained - n * drop <= -reach + _ROUNDING

    def shows_within(self, figure: Aggregate, dense: FloatArray, changed: FloatArray) -> bool:
        """Return whether a changed model is shown to lose no more than it may.

        For another number of samples than `images`, the result is that of `images` such samples.

        Parameters
        ----------
        figure : Aggregate
            What is compared, of the kind of this limit.
        dense, changed : array of shape (samples, k)
            The statistics of both models, of the same samples in the same order.

        Raises
        ------
        CortadoError
            If there are no samples, or another number of the one model than of the other.
        """
        count = count_samples(figure, dense, changed)
        share = self.images / count
        if self.kind == "binary":
            lost, gained = count_changes(figure, dense, changed)
            return self.holds(share * lost, share * gained)
        mean = drop_of(figure, dense, changed)
        if not math.isfinite(mean):
            return False
        if not self.is_testable or count == 1:
            return mean <= 0
        reach = self._reach(figure, dense, changed, mean) / math.sqrt(share)
        return mean + reach <= self.drop

    def _reach(
        self, figure: Aggregate, dense: FloatArray, changed: FloatArray, mean: float
    ) -> float:
        """Return how far above the mean the drop may be, on as many samples as are given."""
        count = len(dense)
        if self.kind == "mean":
            deviation = float(np.std(differences(figure, dense, changed), ddof=1))
            return t(_LEVEL, count) * deviation / math.sqrt(count)
        return upper(drop_draws(figure, dense, changed), _LEVEL, count) - mean
