"""Output for the user: progress bars and messages on standard error, and tables.

Bars appear on a terminal only; messages everywhere, unless ``-q`` was given.
"""

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from cortado.progress import Progress, Steps, show_figure

__all__ = ["Talk", "counted", "format_table"]

T = TypeVar("T")

_NO_LIMIT = 10_000  # columns: a table that goes to a file or a pipe is never cut off


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
    _said: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def say(self, message: str) -> None:
        """Print a line, unless the user wants quiet."""
        self._print(f"{message}\n")

    def say_once(self, message: str) -> None:
        """Print a line that this command has not printed before."""
        if message not in self._said:
            self._said.add(message)
            self.say(message)

    def say_all(self, messages: Sequence[str]) -> None:
        """Print lines, unless the user wants quiet."""
        for message in messages:
            self.say(message)

    def detail(self, message: str) -> None:
        """Print a line if the user asked for details."""
        if self.verbose:
            self.say(message)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table, unless the user wants quiet."""
        self._print(format_table(headings, rows, sys.stderr))

    def follow(self, steps: Steps[T]) -> T:
        """Run steps to their end, and show how far they are."""
        with _bars(hidden=self.quiet or not _is_terminal(sys.stderr)) as bars:
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

    def _print(self, text: str) -> None:
        if not self.quiet and sys.stderr is not None:  # or it would go to standard output
            print(text, end="", file=sys.stderr)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: 1 row, 1,000 rows."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def format_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO | None
) -> str:
    """Return a table as text, its first column to the left and its figures to the right.

    Parameters
    ----------
    headings, rows
        What the table says.
    stream : text stream or None
        Where it will be printed: terminals have a width, and show bold headings.
    """
    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    terminal = _is_terminal(stream)
    console = Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=None if terminal else _NO_LIMIT,
        highlight=False,
        markup=False,
    )
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal, whatever FORCE_COLOR says; None is a closed one."""
    return stream is not None and stream.isatty()


def _bars(*, hidden: bool) -> Bars:
    return Bars(
        TextColumn("{task.description:<14}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[figures]}"),
        console=Console(file=sys.stderr, highlight=False, markup=False),
        disable=hidden,
        transient=True,
    )


def _draw(bars: Bars, tasks: dict[str, TaskID], progress: Progress) -> None:
    figures = "  ".join(f"{name} {show_figure(value)}" for name, value in progress.figures)
    if progress.stage not in tasks:
        tasks[progress.stage] = bars.add_task(progress.stage, total=progress.total, figures="")
    task = tasks[progress.stage]
    bars.update(task, completed=progress.done, total=progress.total, figures=figures)
    if progress.done >= progress.total:
        bars.remove_task(tasks.pop(progress.stage))
