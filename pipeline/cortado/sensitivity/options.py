"""The options of a sweep: treatments, layers, and when the measuring of a point may stop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cortado.errors import UsageError
from cortado.prune import Method
from cortado.treatments import Selection, Zeros, treatment_named

__all__ = ["SweepOptions"]


def _default_treatments() -> Mapping[str, Sequence[float]]:
    return {Zeros.name: Zeros.levels}


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep.

    Attributes
    ----------
    treatments : mapping of str to sequence of float
        The levels of each treatment, by its name: ``{"prune": (0.5, 0.9), "bits": (2, 3)}``; by
        default pruning, to its own levels.
    method : str
        How weights are chosen where a treatment chooses some, see `cortado.prune.importance`.
    selectors : tuple of str
        The layers; none for all.
    adaptive : bool
        Add levels where the metric gets worse steeply, of treatments that have some between.
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
        If there is no treatment of a name, or a level is out of its range.
    """

    treatments: Mapping[str, Sequence[float]] = field(default_factory=_default_treatments)
    method: Method = "magnitude"
    selectors: tuple[str, ...] = ()
    adaptive: bool = False
    within: float | None = None
    floor: float | None = None
    workers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, levels in self.treatments.items():
            for fault in map(treatment_named(name).fault, levels):
                if fault:
                    raise UsageError(fault)

    @property
    def selection(self) -> Selection:
        """How weights are chosen, for treatments that choose some."""
        return Selection(self.method, self.seed)

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
