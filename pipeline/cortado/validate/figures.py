"""The figures of a file and of its reference."""

from dataclasses import dataclass

from cortado.scoring.evaluate import Evaluation

__all__ = ["Latency", "OutputDifference", "ProviderFigures", "Validation"]


@dataclass(frozen=True)
class OutputDifference:
    """The largest difference of one output, as it is and relative to the output's scale."""

    output: str
    absolute: float
    relative: float


@dataclass(frozen=True)
class Latency:
    """Seconds a run of one batch: the median and the quartiles of all runs."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class ProviderFigures:
    """The figures of one file on one provider."""

    provider: str
    differences: tuple[OutputDifference, ...] = ()
    evaluation: Evaluation | None = None
    latency: Latency | None = None


@dataclass(frozen=True)
class Validation:
    """The figures of the file on each provider, and of the reference."""

    found: tuple[ProviderFigures, ...]
    reference: ProviderFigures | None

    def speedup(self, figures: ProviderFigures) -> float | None:
        """Return the latency of the reference divided by that of the file, if both were taken."""
        if self.reference is None or self.reference.latency is None or figures.latency is None:
            return None
        return self.reference.latency.median / figures.latency.median
