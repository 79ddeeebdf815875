"""The sparsity at each moment of a training that prunes as it goes.

    s(t) = s_f + (s_0 − s_f) · (1 − t/T)³     for 0 ≤ t ≤ T,  s_f after

(Zhu and Gupta 2017, 1710.01878, equation 1): fast while weights are redundant, slow near the
end, where each one counts.
"""

from dataclasses import dataclass

__all__ = ["CubicSchedule"]


@dataclass(frozen=True)
class CubicSchedule:
    """A cubic rise of the sparsity.

    Attributes
    ----------
    start, stop : float
        Sparsity at the beginning and at the end, 0…1.
    """

    start: float
    stop: float

    def __call__(self, progress: float) -> float:
        """Return the sparsity after a fraction `progress` of the rise; 1 and beyond: `stop`."""
        left = max(0.0, 1.0 - progress)
        return self.stop + (self.start - self.stop) * left**3
