"""The style of all pictures: colours, fonts, and how they become bytes."""

import io
import warnings

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text

from cortado.report.palette import LIGHT

__all__ = ["HEAT", "INK", "colour_of", "cut", "finish", "to_png"]

HEAT = LinearSegmentedColormap.from_list("heat", ["#f7f3ee", "#e2a47c", "#c1592b", "#4a1d0a"])
"""The scale of heat maps, from nothing to much."""

INK = LIGHT.ink
"""The colour of everything that is written."""

_FEW = 8
_COLOURS = ("#9db4c8", *(LIGHT.lines[index] for index in (5, 2, 4, 1)))


def colour_of(index: int) -> str:
    """Return the colour of a model, by its place among those that are drawn."""
    return _COLOURS[index % len(_COLOURS)]


def cut(name: str, characters: int) -> str:
    """Return a name shortened to about a number of characters; the end of a long one is kept."""
    return name if len(name) <= max(characters, _FEW) else "…" + name[1 - max(characters, _FEW) :]


def finish(axes: Axes, title: str) -> None:
    """Give axes their title and a plain frame."""
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)


def to_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, the same bytes for the same picture."""
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_text():  # numbers at ticks are not there yet
            text.set_parse_math(parse_math=False)  # names may have $ in them
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # a name in letters that the font lacks has boxes in their place
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
