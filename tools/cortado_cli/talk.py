"""What the user sees on standard error: progress bars, messages and tables.

Bars appear on a terminal only; messages everywhere, unless ``-q`` was given.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from cortado.steps import Progress, Steps

__all__ = ["Talk", "print_report"]

T = TypeVar("T")

_PLAIN_WIDTH = 120  # of a table that goes to a file or a pipe


@dataclass(frozen=True)
class Talk:
    """How much to say.

    Attributes
    ----------
    quiet : bool
        Neither progress nor messages.
    verbose : int
        0 for the result, 1 for details.
    """

    quiet: bool
    verbose: int

    def say(self, message: str) -> None:
        """Print a line, unless the user wants quiet."""
        if not self.quiet:
            print(message, file=sys.stderr)

    def detail(self, message: str) -> None:
        """Print a line if the user asked for details."""
        if self.verbose:
            self.say(message)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table, unless the user wants quiet."""
        if not self.quiet:
            _print_table(_console(sys.stderr), headings, rows)

    def follow(self, steps: Steps[T]) -> T:
        """Run steps to their end, and show how far they are."""
        console = _console(sys.stderr)
        with _bars(console, hidden=self.quiet or not console.is_terminal) as bars:
            tasks: dict[str, TaskID] = {}
            while True:
                try:
                    progress = next(steps)
                except StopIteration as stop:
                    result: T = stop.value
                    return result
                if progress.message:
                    self.say(progress.message)
                _draw(bars, tasks, progress)


def print_report(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on standard output, for commands whose result is a table."""
    _print_table(_console(sys.stdout), headings, rows)


def _print_table(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column is text and whose others are figures."""
    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _console(file: TextIO) -> Console:
    return Console(
        file=file, highlight=False, markup=False, width=None if file.isatty() else _PLAIN_WIDTH
    )


def _bars(console: Console, *, hidden: bool) -> Bars:
    return Bars(
        TextColumn("{task.description:<14}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[figures]}"),
        console=console,
        disable=hidden,
        transient=True,
    )


def _draw(bars: Bars, tasks: dict[str, TaskID], progress: Progress) -> None:
    figures = "  ".join(f"{name} {value:.4f}" for name, value in progress.figures)
    if progress.stage not in tasks:
        tasks[progress.stage] = bars.add_task(progress.stage, total=progress.total, figures="")
    task = tasks[progress.stage]
    bars.update(task, completed=progress.done, total=progress.total, figures=figures)
    if progress.done >= progress.total:
        bars.remove_task(tasks.pop(progress.stage))
