"""The monotone fit of least squares: pool adjacent violators (Ayer et al. 1955).

Of all non-decreasing sequences the one nearest to given values is found by merging neighbours that
fall into blocks, each at its weighted mean, until no block is below the one before.
"""

from collections.abc import Sequence

__all__ = ["isotonic_fit"]


def isotonic_fit(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the non-decreasing values of least Σ w (fit − value)², as many as there are."""
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values, weights, strict=True):
        mean, total, length = value, weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, heavy, many = blocks.pop()
            mean = (before * heavy + mean * total) / (heavy + total)
            total, length = heavy + total, many + length
        blocks.append((mean, total, length))
    return [mean for mean, _, length in blocks for _ in range(length)]
