"""Bar charts as HTML, for pages: they take the page's font and width, and its colours.

Lengths are linear, so that a bar a hundred times as long is a hundred times as much; the shortest
that is not zero is still seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Bar", "bar_chart"]

_LEAST = 0.3  # percent of the width


@dataclass(frozen=True)
class Bar:
    """A bar: its name, how long it is, and what is written at its end."""

    name: str
    value: float
    text: str


def bar_chart(bars: Sequence[Bar]) -> Markup:
    """Return a list of bars, the longest as wide as the chart."""
    longest = max(bar.value for bar in bars) or 1.0
    rows = Markup("").join(
        Markup('<li><b>{}</b><i>{}</i><span style="width: {:.2f}%"></span></li>').format(
            bar.name, bar.text, max(_LEAST, 100 * bar.value / longest)
        )
        for bar in bars
    )
    return Markup('<ul class="bars">{}</ul>').format(rows)
