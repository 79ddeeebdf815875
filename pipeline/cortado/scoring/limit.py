"""How bad the metric of a changed model may become: by how much, or to which value, or both.

A floor is the worst value that is allowed: the smallest, and the largest of a metric of which lower
is better, such as an error.
"""

import math
from dataclasses import dataclass

__all__ = ["MetricLimit", "is_within", "worsening"]


def worsening(before: float, after: float, *, higher_is_better: bool) -> float:
    """Return how much worse a metric became, in its units; negative where it became better."""
    return before - after if higher_is_better else after - before


def is_within(value: float, floor: float, *, higher_is_better: bool) -> bool:
    """Return whether a value is a floor or better than it, which NaN never is."""
    return value >= floor if higher_is_better else value <= floor


@dataclass(frozen=True)
class MetricLimit:
    """How bad a metric may become.

    Attributes
    ----------
    max_drop : float or None
        How much worse than that of the dense model, in its units.
    floor : float or None
        The worst value.
    """

    max_drop: float | None = None
    floor: float | None = None

    @property
    def is_stated(self) -> bool:
        """Whether there is any."""
        return self.max_drop is not None or self.floor is not None

    def allows(self, value: float, drop: float, *, higher_is_better: bool) -> bool:
        """Return whether a value that is worse by a drop is allowed; neither may be NaN."""
        if self.max_drop is not None and not drop <= self.max_drop:
            return False
        return self.floor is None or is_within(value, self.floor, higher_is_better=higher_is_better)

    def drop_from(self, value: float, *, higher_is_better: bool) -> float:
        """Return how much worse than a value is allowed; negative where it misses the floor."""
        most = math.inf if self.max_drop is None else self.max_drop
        if self.floor is None:
            return most
        return min(most, worsening(value, self.floor, higher_is_better=higher_is_better))

    def heading(self, *, higher_is_better: bool) -> str:
        """Return what a column of allowed points is called: ``within 0.005, at least 0.9``."""
        side = "at least" if higher_is_better else "at most"
        drop = [] if self.max_drop is None else [f"within {self.max_drop:g}"]
        floor = [] if self.floor is None else [f"{side} {self.floor:g}"]
        return ", ".join(drop + floor)

    def violation(self, *, higher_is_better: bool) -> str:
        """Return what a metric does beyond the limit: ``worsens by more than 0.005``."""
        side = "falls below" if higher_is_better else "rises above"
        drop = [] if self.max_drop is None else [f"worsens by more than {self.max_drop:g}"]
        floor = [] if self.floor is None else [f"{side} {self.floor:g}"]
        return " or ".join(drop + floor)
