"""The errors that cortado raises on purpose; anything else is a bug.

    CortadoError            the input was refused, or the work failed
    ├── UsageError          what the caller asked for makes no sense for this model
    └── LimitNotMetError    the work succeeded, but misses a limit that the caller stated

A message is one line, and names the layer, file or option it is about. Names come from the files
that are read, so that anything may be in them: what would break the line or a terminal is escaped,
and the middle of a message that is too long to read left out.
"""

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = [
    "CAFFE_EXTRA",
    "CortadoError",
    "LimitNotMetError",
    "UsageError",
    "first_line",
    "names_near",
    "unknown_name",
]

CAFFE_EXTRA = "cortado with its extra caffe (pip install '.[caffe]' in the project's folder)"
"""The extra with the libraries for Caffe's LMDB, LevelDB and HDF5 files."""

_FEW = 5  # names that are listed
_HEAD, _TAIL = 600, 200  # characters of a long message that are kept


class CortadoError(Exception):
    """An input was refused or the work failed; the message says why in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


class UsageError(CortadoError):
    """The request does not fit the model, such as a selector that matches no layer."""


class LimitNotMetError(CortadoError):
    """A limit that the caller stated was not met, such as a maximal drop in accuracy."""


def _one_line(message: str) -> str:
    """Return a message as it can be printed."""
    line = " ".join(message.splitlines())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return line if len(line) <= _HEAD + _TAIL else f"{line[:_HEAD]} … {line[-_TAIL:]}"


def first_line(error: BaseException) -> str:
    """Return the first line of the error behind a chain of errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


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
    return UsageError(f"{what} {name!r}; {names_near(name, known)}")


def names_near(name: str, known: Sequence[str]) -> str:
    """Return the part of an error that lists the names nearest to one that does not exist."""
    near = get_close_matches(name, known, n=5, cutoff=0.5)
    if near:
        return f"near it: {', '.join(near)}"
    return (
        f"there are: {', '.join(known)}"
        if len(known) <= _FEW
        else f"the last are: {', '.join(known[-_FEW:])}"
    )
