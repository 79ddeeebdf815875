"""Modules of the user's own, named on the command line."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from cortado.errors import CortadoError

__all__ = ["foreign_code", "import_module"]


def import_module(name: str, source: str) -> ModuleType:
    """Import a module as `python -m` would: the working directory comes first.

    Parameters
    ----------
    name : str
        The module, such as ``package.module``.
    source : str
        What named it, for the error.

    Raises
    ------
    CortadoError
        If there is no such module, or it raises anything.
    """
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a module may raise anything
        raise CortadoError(f"{source} cannot be imported: {error}") from error
    finally:
        sys.path.remove("")


@contextmanager
def foreign_code(name: str) -> Iterator[None]:
    """Make one error of whatever the user's own code raises."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise CortadoError(f"{name} raised {type(error).__name__}: {error}") from error
