"""Confidence intervals of 95 %.

wilson   of a fraction k / n (Wilson 1927):
             (p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n),   p = k / n
drop     of the accuracy that a change costs, on the same images: with b images that only the
         dense model gets right, and c that only the changed one does,
             (b − c) / n ± z √(b + c + 1 − (b − c)² / n) / n

The second is much narrower, as most images are right, or wrong, in both (Agresti and Min 2005; the
added one keeps a width where nothing differs).
"""

import math

__all__ = ["drop_interval", "wilson_interval"]

_Z = 1.959963984540054


def wilson_interval(count: int, samples: int) -> tuple[float, float]:
    """Return the interval of a fraction: `count` of `samples` ≥ 1."""
    p, extra = count / samples, _Z**2 / samples
    middle = (p + extra / 2) / (1 + extra)
    reach = _Z * math.sqrt(p * (1 - p) / samples + extra / (4 * samples)) / (1 + extra)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def drop_interval(lost: int, gained: int, samples: int) -> tuple[float, float]:
    """Return the interval of the drop in accuracy, `lost` − `gained` of `samples` ≥ 1 images."""
    drop = (lost - gained) / samples
    reach = _Z * math.sqrt(lost + gained + 1 - (lost - gained) * drop) / samples
    return drop - reach, drop + reach
