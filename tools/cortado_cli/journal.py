"""The table of a sweep while it grows: read, mended, appended to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cortado import files
from cortado.sensitivity import Row, encode_rows, read_table
from cortado_cli.options import STREAM
from cortado_cli.streams import write_artifact

if TYPE_CHECKING:
    from cortado_cli.talk import Talk

__all__ = ["Journal"]


class Journal:
    """A file that gets rows as they are done; what is no file gets all of them at the end.

    A table that is there is left as it is until something is written: it may yet be refused.

    Parameters
    ----------
    path : str
        The file, ``-``, or a device or named pipe, of which nothing is read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fresh = True
        self._mended: tuple[Row, ...] | None = None
        self._grows = path != STREAM and not files.is_special(path)

    def read(self, talk: "Talk") -> tuple[Row, ...]:
        """Return the rows that are there, but for a line that was half written."""
        from cortado_cli.talk import counted  # imports rich

        if not self._grows or not files.exists(self._path):
            return ()
        table = read_table(files.read(self._path), self._path)
        if table.mended:
            talk.say(f"{self._path}: its last line was half written, and is done again")
            self._mended = table.rows
        if table.rows:
            talk.say(f"{self._path}: going on after {counted(len(table.rows), 'row')}")
        self._fresh = False
        return table.rows

    def keep(self, rows: Sequence[Row]) -> None:
        """Append rows to the file."""
        if self._grows:
            self._mend()
            files.append(self._path, encode_rows(rows, header=self._fresh))
            self._fresh = False

    def close(self, rows: Sequence[Row]) -> None:
        """Write all rows to what got none while they were measured."""
        if not self._grows:
            write_artifact(self._path, encode_rows(rows, header=True))
        self._mend()

    def _mend(self) -> None:
        """Cut off the line that was half written."""
        if self._mended is not None:
            files.write(self._path, encode_rows(self._mended, header=True))
            self._mended = None
