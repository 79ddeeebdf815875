r"""The table of a sweep: a CSV file in long format, one row a point.

Rows are appended as points are done, so that the last line may be half written after a kill: it is
left out. A row is one line: line breaks in the names of layers are written as \n or \r, and a
backslash twice. The first row, of the layer ``*`` and the treatment ``dense``, is the model as it
is; rows of ``skipped``, and those with a note, have no figures and say why. Every row names the
model by the hash of its weights, and rows of several models, metrics, methods or data sets never
mix.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from cortado.errors import CortadoError
from cortado.sensitivity.columns import Key, Row, fault_of
from cortado.treatments import all_treatments, treatment_named

__all__ = ["Curve", "Table", "encode_rows", "merge", "read_table", "tell_unreached"]


@dataclass(frozen=True)
class Curve:
    """The points of one layer, treatment, method and seed that have figures, gentle ones first."""

    layer: str
    treatment: str
    method: str
    seed: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """The rows of a file.

    Attributes
    ----------
    rows : tuple of Row
        All complete rows.
    mended : bool
        Whether the last line was half written, and left out.
    """

    rows: tuple[Row, ...]
    mended: bool

    @property
    def dense(self) -> Row | None:
        """The model as it is."""
        return next((row for row in self.rows if row.is_dense), None)

    @property
    def curves(self) -> list[Curve]:
        """The curves, layer by layer in the order of the rows, treatments in theirs."""
        rows: dict[tuple[str, str, str, int], list[Row]] = {}
        for row in self.rows:
            if not row.is_dense and row.value is not None:
                rows.setdefault((row.layer, row.treatment, row.method, row.seed), []).append(row)
        layers = {layer: place for place, layer in enumerate(dict.fromkeys(k[0] for k in rows))}
        order = [treatment.name for treatment in all_treatments()]
        keys = sorted(rows, key=lambda key: (layers[key[0]], order.index(key[1])))
        return [Curve(*key, tuple(sorted(rows[key], key=_harshness))) for key in keys]

    @property
    def unreached(self) -> list[str]:
        """The layers that no sample reaches, such as those of the branch of an If never taken.

        All points of such a layer have the figures of the dense model to the bit, whatever was done
        to it; that it can lose all of its weights does not follow.
        """
        moved: dict[str, bool] = {}
        for curve in self.curves:
            moves = any(row.divergence or row.rise or row.drop for row in curve.rows)
            moved[curve.layer] = moved.get(curve.layer, False) or moves
        return [layer for layer, moves in moved.items() if not moves]

    @property
    def without_figures(self) -> list[Row]:
        """The rows that say why they have none."""
        return [row for row in self.rows if row.value is None]


def tell_unreached(layers: Sequence[str]) -> str:
    """Return the line that says which layers no sample reaches, and what follows."""
    return (
        f"no sample reaches {', '.join(layers)}: no output changes with them, and plans leave them "
        "as they are; give samples that do"
    )


def _harshness(row: Row) -> float:
    return treatment_named(row.treatment).harshness(row.level)


_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r"})
_CHARACTERS = {escape: chr(code) for code, escape in _ESCAPES.items()}
COLUMNS = tuple(field.name for field in fields(Row))
_TYPES = get_type_hints(Row)
_FIRST_VERSION = ["layer", "kind", "rate", "accuracy"]


def encode_rows(rows: Iterable[Row], *, header: bool) -> bytes:
    """Return rows as lines of CSV; equal rows give equal bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_show(getattr(row, name)) for name in COLUMNS])
    return text.getvalue().encode()


def read_table(data: bytes, source: str) -> Table:
    """Read a table; of equal points, that of most samples stays.

    Raises
    ------
    CortadoError
        If a line other than the last is damaged, or rows of different models or data mix.
    """
    if not data:
        raise CortadoError(f"{source} is empty")
    complete, _, rest = data.rpartition(b"\n")
    if not complete and encode_rows((), header=True).startswith(rest):
        return Table((), mended=True)
    try:
        lines = list(csv.reader(io.StringIO(complete.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CortadoError(f"{source} is no CSV file of cortado sensitivity: {error}") from error
    if lines and lines[0][:4] == _FIRST_VERSION:
        raise CortadoError(
            f"{source} was written by an earlier cortado, whose tables have other columns: sweep "
            "again into a new file"
        )
    if not lines or tuple(lines[0]) != COLUMNS:
        raise CortadoError(
            f"{source} has not the columns of cortado sensitivity: layer, treatment, …"
        )
    rows = tuple(_parse(line, f"{source}, line {i + 2}") for i, line in enumerate(lines[1:]))
    _check_same(rows, source)
    return Table(_best(rows), mended=bool(rest))


def merge(tables: Sequence[Table], sources: Sequence[str]) -> Table:
    """Return the rows of several tables; of equal points, that of most samples stays.

    Raises
    ------
    CortadoError
        If they are of different models or data; the message names the file.
    """
    every = [row for table in tables for row in table.rows]
    for table, source in zip(tables, sources, strict=True):
        _check_same((*every[:1], *table.rows), source)
    return Table(_best(every), any(table.mended for table in tables))


def _best(rows: Iterable[Row]) -> tuple[Row, ...]:
    best: dict[Key, Row] = {}
    for row in rows:
        known = best.get(row.key)
        if known is None or row.samples > known.samples:
            best[row.key] = row
    return tuple(best.values())


def _check_same(rows: Sequence[Row], source: str) -> None:
    for row in rows:
        if row.identity != rows[0].identity:
            raise CortadoError(f"{source} has rows {row.identity.difference(rows[0].identity)}")


def _show(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.9g}"
    return "" if value is None else str(value).translate(_ESCAPES)


def _parse(line: Sequence[str], place: str) -> Row:
    if len(line) != len(COLUMNS):
        raise CortadoError(f"{place}: {len(line)} fields in place of {len(COLUMNS)}")
    values: dict[str, Any] = {
        name: _parse_field(text, _TYPES[name], f"{place}: {name}")
        for name, text in zip(COLUMNS, line, strict=True)
    }
    row = Row(**values)
    fault = fault_of(row)
    if fault:
        raise CortadoError(f"{place}: {fault}")
    return row


def _parse_field(text: str, kind: Any, place: str) -> object:
    if kind is str:
        return re.sub(r"\\[\\nr]", lambda match: _CHARACTERS[match[0]], text)
    types = get_args(kind) or (kind,)
    if not text and type(None) in types:
        return None
    try:
        return types[0](text)
    except ValueError as error:
        raise CortadoError(f"{place} is {text!r}, not a number") from error
