"""Statistics of samples, gathered batch by batch and looked at in between."""

import numpy as np

from cortado.model.typing import Array

__all__ = ["Gathered"]


class Gathered:
    """Rows that come in batches, in one array, so that no batch copies those before it.

    Parameters
    ----------
    samples : int
        How many rows there will be.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._rows: Array = np.empty((0, 0))
        self._done = 0

    def __len__(self) -> int:
        return self._done

    def add(self, rows: Array) -> None:
        """Add rows of shape (n, …)."""
        if not self._done:
            self._rows = np.empty((self._samples, *rows.shape[1:]), rows.dtype)
        self._rows[self._done : self._done + len(rows)] = rows
        self._done += len(rows)

    @property
    def rows(self) -> Array:
        """All rows so far."""
        return self._rows[: self._done]
