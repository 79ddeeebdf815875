"""Long work as generators: the library computes and reports, its caller draws.

A long function returns `Steps[T]`: a generator that yields `Progress` and returns a `T`. A
command follows it with a progress bar; a program that wants the result alone calls `finish`.
Stages are joined by `yield from`, so the progress of a whole pipeline is one stream.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

__all__ = ["Progress", "Steps", "finish", "show_figure"]

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far a stage has come.

    Attributes
    ----------
    stage : str
        What is being done, in a word or two.
    done, total : int
        Units of work done and in all; a unit is whatever the stage counts (steps, images).
    figures : tuple of (str, float)
        Measurements to show beside the bar, such as ``("loss", 0.1)``.
    message : str
        A line that is worth keeping once the stage is over; empty for most reports.
    """

    stage: str
    done: int
    total: int
    figures: tuple[tuple[str, float], ...] = ()
    message: str = ""


def show_figure(value: float) -> str:
    """Return a measurement as it is printed: four decimals, a dash where nothing was measured."""
    return "-" if math.isnan(value) else f"{value:.4f}"


Steps: TypeAlias = Generator[Progress, None, T]


def finish(steps: Steps[T]) -> T:
    """Run a generator of steps to its end, ignoring the reports, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
