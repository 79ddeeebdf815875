"""The errors that cortado raises on purpose; anything else is a bug.

    CortadoError            the input was refused, or the work failed
    ├── UsageError          what the caller asked for makes no sense for this model
    └── LimitNotMetError    the work succeeded, but misses a limit that the caller stated

A message is one line, and names the layer, file or option it is about.
"""

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["CortadoError", "LimitNotMetError", "UsageError", "unknown_name"]


class CortadoError(Exception):
    """An input was refused or the work failed; the message says why in one line."""


class UsageError(CortadoError):
    """The request does not fit the model, such as a selector that matches no layer."""


class LimitNotMetError(CortadoError):
    """A limit that the caller stated was not met, such as a maximal drop in accuracy."""


def unknown_name(what: str, name: str, known: Sequence[str]) -> UsageError:
    """Return the error for a name that does not exist; it lists the ones nearest to it.

    Parameters
    ----------
    what : str
        What was looked for, such as ``the net has no blob``.
    name : str
        The name that was given.
    known : sequence of str
        The names that there are.
    """
    near = get_close_matches(name, known, n=5, cutoff=0.5)
    hint = f"near it: {', '.join(near)}" if near else f"the last are: {', '.join(known[-5:])}"
    return UsageError(f"{what} {name!r}; {hint}")
