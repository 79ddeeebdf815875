"""What is swept, and when the measuring of a point may stop."""

from dataclasses import dataclass
from typing import Literal

from cortado.errors import UsageError
from cortado.prune import Method

__all__ = ["DEFAULT_BITS", "DEFAULT_RATES", "Kind", "SweepOptions"]

Kind = Literal["prune", "bits"]

DEFAULT_RATES = (0.3, 0.5, 0.65, 0.75, 0.82, 0.88, 0.92, 0.95, 0.97, 0.98)
"""Fractions of zeros, denser where networks break."""

DEFAULT_BITS = (2, 3, 4, 5, 6, 7, 8)

_LEAST_BITS, _MOST_BITS = 2, 8


@dataclass(frozen=True)
class SweepOptions:
    """What to do to each layer.

    Attributes
    ----------
    kinds : tuple of {"prune", "bits"}
        Pruning to each of `rates`, sharing 2^B values for each B of `bits`, or both.
    rates : tuple of float
        Fractions of zeros, 0 < r < 1.
    bits : tuple of int
        2…8.
    method : str
        How pruned weights are chosen, see `cortado.prune.importance`.
    selectors : tuple of str
        The layers; none for all.
    adaptive : bool
        Add rates where the metric gets worse steeply.
    within : float or None
        A point is done when the 95 % interval of the metric reaches so far to either side at
        most. None: after all samples.
    floor : float or None
        A point is done when the metric is surely worse. None: after all samples.
    workers : int
        Threads, each with a batch of its own.
    seed : int
        For ``random-below``.

    Raises
    ------
    UsageError
        If a rate or bits are out of their range.
    """

    kinds: tuple[Kind, ...] = ("prune",)
    rates: tuple[float, ...] = DEFAULT_RATES
    bits: tuple[int, ...] = DEFAULT_BITS
    method: Method = "magnitude"
    selectors: tuple[str, ...] = ()
    adaptive: bool = False
    within: float | None = None
    floor: float | None = None
    workers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for rate in self.rates:
            if not 0 < rate < 1:
                raise UsageError(f"the rate {rate:g} is no fraction of zeros between 0 and 1")
        for bits in self.bits:
            if not _LEAST_BITS <= bits <= _MOST_BITS:
                raise UsageError(f"{bits} bits: it must be {_LEAST_BITS} to {_MOST_BITS}")

    @property
    def stops_early(self) -> bool:
        """Whether a point may be done before all samples are."""
        return self.within is not None or self.floor is not None

    def suffices(self, low: float, high: float, *, higher_is_better: bool) -> bool:
        """Return whether a metric from `low` to `high` is known well enough to stop."""
        if self.within is not None and high - low <= 2 * self.within:
            return True
        if self.floor is None:
            return False
        return high < self.floor if higher_is_better else low > self.floor
