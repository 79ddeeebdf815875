"""Figures of each kind, for tests."""

from dataclasses import dataclass

__all__ = ["ERRORS", "RATIO", "RIGHT", "SCORE", "Figure"]


@dataclass(frozen=True)
class Figure:
    kind: str
    name: str = "accuracy"
    higher_is_better: bool = True

    def value(self, parts):
        return float(parts[:, 0].mean())


@dataclass(frozen=True)
class Ratio:
    kind: str = "pooled"
    name: str = "errors a letter"
    higher_is_better: bool = False

    def value(self, parts):
        errors, letters = parts.sum(axis=0)
        return float(errors / letters)


RIGHT = Figure("binary")
ERRORS = Figure("binary", "errors", higher_is_better=False)
SCORE = Figure("mean")
RATIO = Ratio()
