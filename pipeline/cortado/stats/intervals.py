"""The confidence interval of 95 % of a fraction p = k / n (Wilson 1927).

    (p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n),   z = 1.96

It never leaves 0 … 1, and keeps a width where p is either.
"""

import math

__all__ = ["Z", "wilson_interval"]

Z = 1.959963984540054
"""Standard deviations on either side in a 95 % interval of a normal distribution."""


def wilson_interval(count: int, samples: int) -> tuple[float, float]:
    """Return the ends of the interval of a fraction: `count` of `samples` ≥ 1."""
    p, extra = count / samples, Z**2 / samples
    middle = (p + extra / 2) / (1 + extra)
    reach = Z * math.sqrt(p * (1 - p) / samples + extra / (4 * samples)) / (1 + extra)
    return max(0.0, middle - reach), min(1.0, middle + reach)
