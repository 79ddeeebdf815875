"""The colours of pictures and pages, and the marks that tell lines apart without colours.

Eight lines are as many as can be told apart. Their colours stand out from the paper by 3 to 1, and
stay apart for readers who see two colours only (protanopia, deuteranopia, tritanopia). Each has
the same hue on light paper as on dark, and a mark of its own. Pictures are on light paper.
"""

from dataclasses import dataclass

__all__ = ["DARK", "LIGHT", "MARKS", "Mark", "Palette"]


@dataclass(frozen=True)
class Palette:
    """Colours on one paper, as #rrggbb.

    Attributes
    ----------
    ink, pale : str
        Of texts, and of those that matter less.
    line, paper, card : str
        Of rules and grids, of the page, and of boxes on it.
    rest : str
        Of lines that stay in the background.
    lines : tuple of str
        Of lines.
    """

    ink: str
    pale: str
    line: str
    paper: str
    card: str
    rest: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """A mark: its name in matplotlib, and its outline as an SVG path around (0, 0)."""

    name: str
    path: str


LIGHT = Palette(
    ink="#22262b",
    pale="#5f6771",
    line="#d9dde2",
    paper="#ffffff",
    card="#f5f6f8",
    rest="#b4bac2",
    lines=(
        *("#1b95bf", "#ca7b06", "#057163", "#7f1208"),
        *("#863cc1", "#b6350a", "#270798", "#541851"),
    ),
)

DARK = Palette(
    ink="#e4e7ea",
    pale="#98a1ab",
    line="#363c43",
    paper="#15181b",
    card="#1e2226",
    rest="#59616a",
    lines=(
        *("#9bf7fa", "#fce846", "#58cfb1", "#fa8f12"),
        *("#9990e0", "#cc2a1b", "#575ce3", "#8f5e8a"),
    ),
)

MARKS = (
    Mark("o", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"),
    Mark("s", "M-3.5-3.5h7v7h-7z"),
    Mark("^", "M0-4.8L4.6 3.4H-4.6z"),
    Mark("D", "M0-5L5 0L0 5L-5 0z"),
    Mark("v", "M0 4.8L4.6-3.4H-4.6z"),
    Mark("P", "M-1.6-4.8h3.2v3.2h3.2v3.2h-3.2v3.2h-3.2v-3.2h-3.2v-3.2h3.2z"),
    Mark(
        "X",
        "M-4.6-2.3l2.3-2.3 2.3 2.3 2.3-2.3 2.3 2.3-2.3 2.3 2.3 2.3-2.3 2.3-2.3-2.3-2.3 2.3"
        "-2.3-2.3 2.3-2.3z",
    ),
    Mark("*", "M0-5.6l1.4 3.7h3.9L2.2.5l1.2 3.9L0 2.1l-3.4 2.3L-2.2.5l-3.1-2.4h3.9z"),
)
