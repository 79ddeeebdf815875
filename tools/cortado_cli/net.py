"""What the commands that read Caffe nets share: options, and errors that name a file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from cortado.errors import CortadoError
from cortado_cli.shapes import Shape

__all__ = ["errors_name", "net_options"]

F = TypeVar("F", bound=Callable[..., Any])


def net_options(command: F) -> F:
    """Add ``--input-shape``, ``--phase``, ``--level`` and ``--stage``."""
    shape = click.option(
        "--input-shape",
        "shapes",
        type=Shape(),
        multiple=True,
        help="The shape of an input that the prototxt leaves open, or another shape for it.",
    )
    phase = click.option(
        "--phase",
        type=click.Choice(["TEST", "TRAIN"]),
        default="TEST",
        show_default=True,
        help="The net's phase: layers of the other one are left out.",
    )
    level = click.option("--level", type=int, default=0, show_default=True, help="The net's level.")
    stage = click.option(
        "--stage", "stages", multiple=True, metavar="NAME", help="A stage of the net."
    )
    return shape(phase(level(stage(command))))


@contextmanager
def errors_name(path: str) -> Iterator[None]:
    """Begin the messages of errors with the file that they are about."""
    try:
        yield
    except CortadoError as error:
        raise type(error)(f"{path}: {error}") from error
