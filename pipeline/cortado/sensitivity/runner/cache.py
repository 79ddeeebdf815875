"""Live values that are kept for all samples, batch by batch, where they were computed first."""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from cortado.model.typing import Array, IntArray

__all__ = ["Kept", "Place", "Values"]

Values: TypeAlias = dict[str, Array]
"""Arrays by the names of values in the graph."""

Place: TypeAlias = tuple[str, ...]
"""The names of values that live together, such as those at a cut."""


class Kept:
    """The values at some places.

    Parameters
    ----------
    places : collection of tuple of str
        Where to keep it.
    """

    def __init__(self, places: Collection[Place]) -> None:
        self.places = frozenset(places)
        self._batches: dict[int, dict[Place, Values]] = {}

    def put(self, indices: IntArray, place: Place, values: Values) -> None:
        """Keep the values of a batch of samples, if that is wanted there."""
        if place in self.places:
            self._batches.setdefault(int(indices[0]), {})[place] = values

    def of(self, indices: IntArray) -> Mapping[Place, Values]:
        """Return what was kept of a batch of the same samples."""
        return self._batches.get(int(indices[0]), {})
