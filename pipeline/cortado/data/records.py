"""The doorway to Caffe's databases: LMDB and LevelDB, read record by record.

A record is read when it is asked for: of an LMDB nothing but the pages that are touched comes into
memory. No lock is taken, and nothing written.

LevelDB's library opens files itself, so that this module stands beside `files`. It knows no
reading alone: it takes a lock, and writes a log of its own into the directory. It comes with the
extra ``caffe`` of this package.
"""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cortado import files
from cortado.data.lmdb import read_lmdb
from cortado.errors import CAFFE_EXTRA, CortadoError

__all__ = ["Records", "open_records"]


class Records(Protocol):
    """The values of a database in the order of their keys."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> bytes | memoryview:
        """Return the value of the key number `index`."""
        ...

    def key(self, index: int) -> str:
        """Return the key number `index`, for errors."""
        ...


def open_records(path: str, *, lmdb: bool) -> Records:
    """Open a directory that holds a database.

    Parameters
    ----------
    path : str
        The directory: that of ``data.mdb``, or that of ``CURRENT``.
    lmdb : bool
        Whether it is an LMDB; otherwise it is a LevelDB.

    Raises
    ------
    CortadoError
        If the library is missing, or refuses the directory.
    """
    return _open_lmdb(path) if lmdb else _open_leveldb(path)


@dataclass(frozen=True)
class _LevelDb:
    path: str
    database: Any  # of the library, which has no types
    keys: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> bytes:
        import plyvel

        try:
            value: bytes | None = self.database.get(self.keys[index], verify_checksums=True)
        except plyvel.Error as error:
            raise CortadoError(_reason(error, self.path)) from error
        if value is None:
            raise CortadoError("LevelDB finds no value for it")
        return value

    def key(self, index: int) -> str:
        return self.keys[index].decode(errors="replace")


def _open_lmdb(path: str) -> Records:
    try:
        return read_lmdb(files.map_file(f"{path}/data.mdb"))
    except CortadoError as error:
        raise CortadoError(f"{path} is no LMDB, or is damaged: {error}") from error


def _open_leveldb(path: str) -> Records:
    try:
        import plyvel
    except ImportError as error:
        raise CortadoError(f"to read the LevelDB {path}, install {CAFFE_EXTRA}") from error
    if not os.access(path, os.W_OK):
        raise CortadoError(f"LevelDB writes to the directories that it reads; {path} is read-only")
    try:
        database = plyvel.DB(path, create_if_missing=False, paranoid_checks=True)
        options = {"include_value": False, "verify_checksums": True}
        with contextlib.closing(database.iterator(**options)) as iterator:
            keys = list(iterator)
    except (plyvel.Error, OSError) as error:
        raise CortadoError(
            f"{path} is no LevelDB, or is damaged: {_reason(error, path)}"
        ) from error
    return _LevelDb(path, database, keys)


def _reason(error: Exception, path: str) -> str:
    text = error.args[0] if error.args else error
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return text.removeprefix(f"{path}: ").splitlines()[0]
