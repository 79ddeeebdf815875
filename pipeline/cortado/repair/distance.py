"""How far values are from those of the reference: what no unit and no label is needed for.

    Σ (found − wanted)² / Σ (wanted − mean)²,

the mean that of each element over all samples, or, where batches differ in shape, that of all
elements: 0 is the same, 1 as bad as the mean alone.
"""

from collections.abc import Iterable

import numpy as np

from cortado.errors import CortadoError
from cortado.model.typing import FloatArray

__all__ = ["MisalignedError", "relative_distance"]

_ZERO = np.zeros(())


class MisalignedError(CortadoError):
    """Values that cannot be compared: how many there are depends on the weights."""

    def __init__(self) -> None:
        super().__init__("its values have another shape in the reference")


def relative_distance(
    found: Iterable[FloatArray], wanted: Iterable[FloatArray], *, centred: bool = False
) -> float:
    """Return the distance of values that come in batches.

    Parameters
    ----------
    found, wanted : iterable of array of shape (n, …)
        The same number of batches of the same shapes.
    centred : bool
        Whether a constant difference of an output counts as none; batches then have one shape.

    Returns
    -------
    float
        0 is the same; infinite where values that never vary are missed.

    Raises
    ------
    MisalignedError
        If shapes differ between the two.
    CortadoError
        If a value is NaN or infinite.
    """
    sums = _Sums()
    for x, y in zip(found, wanted, strict=True):
        if x.shape != y.shape:
            raise MisalignedError
        sums.add(np.atleast_1d(x), np.atleast_1d(y))
    distance, variance = sums.errors - centred * sums.constant, sums.variance
    if not np.isfinite(distance) or not np.isfinite(variance):
        raise CortadoError("the model, or the reference, gives values that are NaN or infinite")
    if variance <= 0:
        return 0.0 if distance <= 0 else float("inf")
    return max(0.0, distance) / variance


class _Sums:
    """Sums over batches: of each element while they have one shape, else of all elements."""

    def __init__(self) -> None:
        self.count, self.errors, self.squares = 0, 0.0, 0.0
        self.values, self.differences = _ZERO, _ZERO

    def add(self, x: FloatArray, y: FloatArray) -> None:
        target, error = y.astype(np.float64), np.subtract(x, y, dtype=np.float64)
        values, differences, count = target.sum(axis=0), error.sum(axis=0), len(y)
        if self.count and values.shape != self.values.shape:
            self._flatten()
            values, differences, count = values.sum(), differences.sum(), target.size
        self.count, self.values = self.count + count, self.values + values
        self.differences = self.differences + differences
        self.errors += float(np.square(error).sum())
        self.squares += float(np.square(target).sum())

    def _flatten(self) -> None:
        """Go over to sums of all elements."""
        self.count *= self.values.size
        self.values, self.differences = self.values.sum(), self.differences.sum()

    @property
    def variance(self) -> float:
        """Σ (y − mean)²."""
        return self.squares - float(np.square(self.values).sum()) / max(self.count, 1)

    @property
    def constant(self) -> float:
        """The part of the errors that a constant difference makes up."""
        return float(np.square(self.differences).sum()) / max(self.count, 1)
