"""Quantiles: how far from its mean a figure strays by chance.

Both are two-sided: within ± z(level) standard deviations lies a fraction `level` of a normal
distribution. A one-sided test at 5 % takes the level 0.9.
"""

from scipy import special

__all__ = ["t", "z"]


def z(level: float) -> float:
    """Return the reach of a normal distribution, in standard deviations: 1.96 for 0.95."""
    return float(special.ndtri((1 + level) / 2))


def t(level: float, samples: int) -> float:
    """Return the reach of a mean of `samples` ≥ 2 values, in estimated standard errors.

    Student's t of samples − 1 degrees of freedom: 2.26 for 0.95 and 10 samples.
    """
    return float(special.stdtrit(samples - 1, (1 + level) / 2))
