"""Names that must differ: the second of a name is called ``name_2``, the third ``name_3``."""

from collections.abc import Iterable

__all__ = ["UniqueNames"]


class UniqueNames:
    """The names that are taken."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return a name that is not taken yet, and take it: the wished one, or one with a number.

        Where to go on counting is remembered, as damaged nets repeat a name thousands of times.
        """
        candidate, number = name, self._next.get(name, 2)
        while candidate in self._taken:
            candidate, number = f"{name}_{number}", number + 1
        self._next[name] = number
        self._taken.add(candidate)
        return candidate
