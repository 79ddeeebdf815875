"""The monotone fit of least squares (Ayer et al. 1955): the nearest values that never fall."""

from collections.abc import Sequence

__all__ = ["isotonic_fit"]


def isotonic_fit(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the non-decreasing values of least Σ w (fit − value)², as many as there are."""
    from scipy import optimize  # slow to import

    if not values:
        return []
    return list(map(float, optimize.isotonic_regression(values, weights=weights).x))
