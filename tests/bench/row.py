"""One line of the table of benchmarks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, what was found, and what it must be."""

    what: str
    found: str
    limit: str
    met: bool
