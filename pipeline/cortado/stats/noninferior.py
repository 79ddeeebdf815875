"""Whether images show that a smaller model loses no more than it may.

Of the same n images b are right with the dense model alone, and c with the smaller one alone. That
the accuracy falls by less than D is shown where the score test for matched pairs refuses a fall
of D, one-sided at 5 % (Tango 1998, Statistics in Medicine 17, 891):

    (b − c − n D) / √(n (2 q + D − D²)) ≤ −1.645

where q is the likeliest part of images that only the smaller model gets right, if D it were:

    4 n q = B + √(B² + 8 n c D (1 − D)),    B = b + c − (2 n − b + c) D.

Where none of n images changes, this holds from n = 1.645² (1 − D) / D on. Fewer images cannot show
it, whatever comes out, and none can for D = 0; there the smaller model must lose no image more
than it gains.
"""

import math
from dataclasses import dataclass

__all__ = ["Limit"]

_Z = 1.6448536269514722  # a normal distribution is beyond on 5 % of one side
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Limit:
    """What may be lost, and on how many images that is to be shown.

    Attributes
    ----------
    drop : float
        D, a fraction of the images, 0 ≤ D < 1.
    images : int
        n.
    """

    drop: float
    images: int

    @property
    def fewest(self) -> float:
        """The images that it takes at least."""
        return _Z**2 * (1 - self.drop) / self.drop if self.drop > 0 else math.inf

    @property
    def is_testable(self) -> bool:
        """Whether there are so many."""
        return self.images >= self.fewest

    def holds(self, lost: float, gained: float) -> bool:
        """Tell whether `lost` and `gained` images show it; of too few, if none more is lost."""
        if not self.is_testable:
            return lost <= gained
        n, drop = self.images, self.drop
        b = lost + gained - (2 * n - lost + gained) * drop
        q = (b + math.sqrt(b * b + 8 * n * gained * drop * (1 - drop))) / (4 * n)
        reach = _Z * math.sqrt(n * (2 * q + drop - drop * drop))
        return lost - gained - n * drop <= -reach + _ROUNDING
