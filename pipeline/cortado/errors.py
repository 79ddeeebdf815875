"""The errors that cortado raises on purpose; anything else is a bug.

    CortadoError            the input was refused, or the work failed
    ├── UsageError          what the caller asked for makes no sense for this model
    └── LimitNotMetError    the work succeeded, but misses a limit that the caller stated

A message is one line, and names the layer, file or option it is about.
"""

__all__ = ["CortadoError", "LimitNotMetError", "UsageError"]


class CortadoError(Exception):
    """An input was refused or the work failed; the message says why in one line."""


class UsageError(CortadoError):
    """The request does not fit the model, such as a selector that matches no layer."""


class LimitNotMetError(CortadoError):
    """A limit that the caller stated was not met, such as a maximal drop in accuracy."""
