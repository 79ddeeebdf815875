"""Several processes that divide the points of a sweep.

Every process walks through the same images in the same batches, and measures each size-th stack
of points of a wave; what they found is gathered, so that all of them know all rows. A point's
figures do not depend on who measures it.
"""

from typing import Protocol, TypeVar

__all__ = ["Alone", "Team"]

T = TypeVar("T")


class Team(Protocol):
    """What a sweep must know of the other processes."""

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        ...

    @property
    def size(self) -> int:
        """The number of processes."""
        ...

    def gather(self, mine: T) -> list[T]:
        """Return what each process gave, in the order of their ranks."""
        ...


class Alone:
    """One process."""

    rank = 0
    size = 1

    def gather(self, mine: T) -> list[T]:
        """Return what this process gave."""
        return [mine]
