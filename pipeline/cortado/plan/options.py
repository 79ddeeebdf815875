"""The budget of a plan."""

import math
from dataclasses import dataclass

from cortado.errors import UsageError
from cortado.scoring.limit import MetricLimit

__all__ = ["Budget"]


@dataclass(frozen=True)
class Budget:
    """The constraints of a plan.

    With `max_drop` or `floor` alone the plan is the smallest that keeps it. With a target it is the
    one of least loss that reaches the target, and must keep the others too where they are given.

    Attributes
    ----------
    max_drop : float or None
        How much worse the metric may get, in its own units: 0.005 is half a point of accuracy.
    target_bytes : float or None
        What the weights of all layers may take in the file.
    target_sparsity : float or None
        The least fraction of zeros in all layers together.
    floor : float or None
        The worst value of the metric: the smallest, or the largest where lower is better.

    Raises
    ------
    UsageError
        If there is no limit at all, both targets are given, or one is out of its range.
    """

    max_drop: float | None = None
    target_bytes: float | None = None
    target_sparsity: float | None = None
    floor: float | None = None

    @property
    def limit(self) -> MetricLimit:
        """How bad the metric may get."""
        return MetricLimit(self.max_drop, self.floor)

    def __post_init__(self) -> None:
        targets = (self.target_bytes, self.target_sparsity)
        if targets == (None, None) and not self.limit.is_stated:
            raise UsageError(
                "a plan needs a drop or a floor of the metric, a sparsity, or bytes to keep to"
            )
        if self.target_bytes is not None and self.target_sparsity is not None:
            raise UsageError("a plan is made for bytes or for a sparsity, not for both")
        if self.max_drop is not None and not 0 <= self.max_drop < math.inf:
            raise UsageError(f"the drop {self.max_drop:g} is no finite number from 0 up")
        if self.floor is not None and not math.isfinite(self.floor):
            raise UsageError(f"the floor {self.floor:g} is no finite number")
        if self.target_sparsity is not None and not 0 < self.target_sparsity < 1:
            raise UsageError(f"the sparsity {self.target_sparsity:g} is no fraction of zeros")
        if self.target_bytes is not None and self.target_bytes <= 0:
            raise UsageError(f"no plan fits in {self.target_bytes:g} bytes")
