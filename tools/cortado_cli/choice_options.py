"""Options that are shared by commands that say what they are for; most are a choice among names.

floor_option    --floor     the worst value of the metric
split_option    --split     which part of a data set
method_option   --method    how weights to prune are chosen
scope_option    --scope     what has a threshold of its own
storage_option  --storage   how a file stores its tensors
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from cortado_cli.types import CodecName, Finite

__all__ = ["floor_option", "method_option", "scope_option", "split_option", "storage_option"]

F = TypeVar("F", bound=Callable[..., Any])


def floor_option(text: str) -> Callable[[F], F]:
    """Add ``--floor``; its help names the purpose first, then the direction."""
    direction = "Where lower is better, as for cer, it is the largest value allowed."
    return click.option("--floor", type=Finite(), metavar="V", help=f"{text} {direction}")


def split_option(default: str, text: str) -> Callable[[F], F]:
    """Add ``--split``."""
    return _choice("--split", ["test", "val", "train", "all"], default, text)


def method_option(default: str, text: str) -> Callable[[F], F]:
    """Add ``--method``."""
    return _choice("--method", ["magnitude", "random-below", "std", "lamp"], default, text)


def scope_option(text: str) -> Callable[[F], F]:
    """Add ``--scope``, whose default depends on the method."""
    return click.option("--scope", type=click.Choice(["layer", "global"]), help=text)


def storage_option(text: str) -> Callable[[F], F]:
    """Add ``--storage``."""
    return click.option(
        "--storage", type=CodecName(), default="coded", show_default=True, help=text
    )


def _choice(flag: str, names: Sequence[str], default: str, text: str) -> Callable[[F], F]:
    choice = click.Choice(list(names))
    return click.option(flag, type=choice, default=default, show_default=True, help=text)
