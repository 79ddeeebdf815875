"""How far values are from those of the reference: what no unit and no label is needed for.

    Σ (found − wanted)² / Σ (wanted − mean)²,

the mean that of each output over all images: 0 is the same, 1 as bad as the mean alone.
"""

from collections.abc import Iterable

import numpy as np

from cortado.errors import CortadoError
from cortado.model.typing import FloatArray

__all__ = ["relative_distance"]

_ZERO = np.zeros(())


def relative_distance(
    found: Iterable[FloatArray], wanted: Iterable[FloatArray], *, centred: bool = False
) -> float:
    """Return the distance of values that come in batches.

    Parameters
    ----------
    found, wanted : iterable of array of shape (n, …)
        The same number of batches of the same shapes.
    centred : bool
        Whether a constant difference of an output counts as none.

    Returns
    -------
    float
        0 is the same; infinite where values that never vary are missed.

    Raises
    ------
    CortadoError
        If a value is NaN or infinite.
    """
    count, values, squares, errors, differences = 0, _ZERO, _ZERO, 0.0, _ZERO
    for x, y in zip(found, wanted, strict=True):
        target, error = y.astype(np.float64), np.subtract(x, y, dtype=np.float64)
        count += len(y)
        values, squares = values + target.sum(axis=0), squares + np.square(target).sum(axis=0)
        errors, differences = errors + np.square(error).sum(), differences + error.sum(axis=0)
    distance = errors - centred * float(np.square(differences).sum()) / count
    variance = float((squares - np.square(values) / count).sum())
    if not np.isfinite(distance) or not np.isfinite(variance):
        raise CortadoError("the model, or the reference, gives values that are NaN or infinite")
    if variance <= 0:
        return 0.0 if distance <= 0 else float("inf")
    return max(0.0, float(distance)) / variance
