"""The options that say what a model is measured on and by, shared by the commands that measure.

task_options   all of them, given as one `TaskChoice`
data_option    --data alone, for commands that do not measure
raw_option     --raw alone
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from cortado.built_in import DATA, METRICS, names_of
from cortado_cli.options import samples_option
from cortado_cli.types import InputPath

__all__ = ["TASK", "TaskChoice", "data_option", "raw_option", "task_options"]

TASK = ("data", "samples", "head", "metric", "raw", "labels", "alphabet")
"""The parameters that `task_options` adds."""


@dataclass(frozen=True)
class TaskChoice:
    """The data and metric options of the command line.

    Attributes
    ----------
    data : str or None
        What ``--data`` names.
    samples : int or None
        How many samples of a part are used; None is all.
    head : str or None
        The output that is scored.
    metric : str
        The name of the metric; empty for the default.
    raw : bool
        Whether arrays are fed as they are.
    labels : str or None
        A file of labels for a folder of images.
    alphabet : str or None
        A file of the characters of a text recogniser.
    """

    data: str | None
    samples: int | None = None
    head: str | None = None
    metric: str = ""
    raw: bool = False
    labels: str | None = None
    alphabet: str | None = None


_SOURCES = f"{'; '.join(names_of(DATA))}."

raw_option = click.option(
    "--raw", is_flag=True, help="Feed arrays as they are, without a transform."
)
"""Adds ``--raw``."""

_OPTIONS = (
    click.option(
        "--head",
        metavar="NAME",
        help="The output that is scored; needed only where several could be meant.",
    ),
    click.option(
        "--metric",
        default="",
        metavar="NAME",
        help=f"{', '.join(names_of(METRICS))}, or package.module:callable. The default "
        "is accuracy with labels; without them agreement with the dense model for classifiers, "
        "else the relative error of all outputs.",
    ),
    raw_option,
    click.option(
        "--labels",
        type=InputPath(),
        metavar="FILE",
        help="The labels of a folder of images: lines of a file name, a tab and a label.",
    ),
    click.option(
        "--alphabet",
        type=InputPath(),
        metavar="FILE",
        help="The characters of a text recogniser, one a line, for --metric cer.",
    ),
)


def data_option(
    *, required: bool, purpose: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add ``--data``; its help names the purpose first, then what may be named."""
    text = f"{purpose}: {_SOURCES}" if purpose else _SOURCES
    return click.option("--data", type=InputPath(), required=required, metavar="SPEC", help=text)


def task_options(
    *,
    required: bool,
    most: int | None = None,
    samples: str = "Use a fixed random subset of N samples.",
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add ``--data`` and what belongs to it, and hand the command one `TaskChoice`.

    Parameters
    ----------
    required : bool
        Whether the command needs data.
    most : int or None
        The default of ``--samples``; None is all.
    samples : str
        The help of ``--samples``.
    """

    def add(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def measuring(**options: Any) -> None:
            choice = TaskChoice(**{name: options.pop(name) for name in TASK})
            command(choice=choice, **options)

        chosen = (data_option(required=required), samples_option(most, samples), *_OPTIONS)
        for option in reversed(chosen):
            measuring = option(measuring)
        return measuring

    return add
