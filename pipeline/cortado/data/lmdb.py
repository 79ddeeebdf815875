"""The pages of an LMDB file → its records in the order of their keys.

The library of LMDB trusts the pages that it maps: a damaged one makes it read anywhere, or end the
process. Here every number is checked before it is followed. A file is a run of pages of one size,
all numbers low byte first; the newer of two meta pages names the root of a tree:

    page        u64 number   u16 –   u16 kind   u16 lower   u16 upper   u16 places of nodes …
    meta page   header, u32 magic, u32 version, 2 u64 –, two trees (free pages, records),
                u64 last page, u64 transaction
    tree        u32 size        u16 flags   u16 depth   3 u64 –   u64 entries   u64 root
                (size: of pages in the first tree; in the second of keys without nodes)
    node        u16 low   u16 high   u16 flags   u16 key size   key   value
    branch      its nodes have no value; high:low, and flags above them, are the page below
    leaf        high:low is the size of the value, which stands there, or (flag 1) on pages of its
                own, of which it holds the number
    overflow    u64 number   u16 –   u16 kind   u32 pages   the value

Values have no checksum: damage inside one is for the reader of records to find.

Source: LMDB 0.9, lmdb.h and mdb.c (MDB_page, MDB_meta, MDB_db, MDB_node).
"""

import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cortado.errors import CortadoError

__all__ = ["LmdbRecords", "read_lmdb"]

_BRANCH, _LEAF, _OVERFLOW, _META_PAGE = 1, 2, 4, 8
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_NO_PAGE = 2**64 - 1  # the root of an empty tree
_PAGE_SIZES = [2**bits for bits in range(8, 17)]
_MAX_DEPTH = 32
_HEADER = 16  # bytes of a page before its content
_ORDERS, _INTEGER_KEYS = 0x7E, 8  # the flags of a tree that say how it is sorted; one of them
_ELSEWHERE = 1  # the flag of a node whose value is on other pages
_POINTER = 8  # bytes of such a page's number

_NODE = struct.Struct("<4H")  # low, high, flags, size of the key that follows
# kind, magic, version; page size and flags in the tree of free pages; key size, flags, depth,
# entries and root in the tree of records; last page, transaction
_META = struct.Struct("<10xH4x2I16xIH42xI2H24x4Q")


@dataclass(frozen=True)
class _Meta:
    page_size: int
    free_flags: int
    key_size: int  # of all keys, where they stand in a row without nodes
    flags: int
    depth: int
    entries: int
    root: int
    last_page: int
    transaction: int


@dataclass(frozen=True)
class _Pages:
    """The pages of a file, of `size` bytes each."""

    data: memoryview
    size: int

    def find(self, number: int, kind: int) -> int:
        """Return where a page begins, which must be there and say that it is of this kind."""
        begin = number * self.size
        if begin + self.size > len(self.data):
            raise CortadoError(f"page {number} is missing")
        said, flags = struct.unpack_from("<Q2xH", self.data, begin)
        if (said, flags) != (number, kind):
            raise CortadoError(f"page {number} is not what it should be")
        return begin

    def places(self, begin: int) -> list[int]:
        """Return where in the file the nodes of the page at `begin` are."""
        lower, upper = struct.unpack_from("<2H", self.data, begin + 12)
        if not (_HEADER < lower <= upper <= self.size and lower % 2 == 0):
            raise self.damaged(begin)
        places = struct.unpack_from(f"<{(lower - _HEADER) // 2}H", self.data, begin + _HEADER)
        if min(places) < upper or max(places) > self.size - _NODE.size:
            raise self.damaged(begin)
        return [begin + place for place in places]

    def leaves(self, number: int, depth: int) -> Iterator[list[int]]:
        """Yield the places of the records on each leaf below a page, in the order of keys."""
        if depth == 1:
            yield self._records(self.find(number, _LEAF))
            return
        for place in self.places(self.find(number, _BRANCH)):
            low, high, flags, _ = _NODE.unpack_from(self.data, place)
            yield from self.leaves(low | high << 16 | flags << 32, depth - 1)

    def _records(self, begin: int) -> list[int]:
        places = self.places(begin)
        full = struct.unpack_from("<H", self.data, begin + 14)[0]  # nodes fill the rest
        for place in places:
            low, high, flags, key_size = _NODE.unpack_from(self.data, place)
            if flags > _ELSEWHERE:
                raise CortadoError("it holds databases inside, or several values for a key")
            size = _NODE.size + key_size + (_POINTER if flags else low | high << 16)
            full += size + size % 2
            if place + size > begin + self.size:
                raise self.damaged(begin)
        if full != self.size:
            raise self.damaged(begin)
        return places

    def key(self, place: int) -> bytes:
        """Return the key of the node at `place`."""
        (size,) = struct.unpack_from("<H", self.data, place + 6)
        begin = place + _NODE.size
        return bytes(self.data[begin : begin + size])

    def damaged(self, begin: int) -> CortadoError:
        return CortadoError(f"page {begin // self.size} is damaged")


@dataclass(frozen=True)
class LmdbRecords:
    """The records of a file, whose nodes begin at `places`."""

    pages: _Pages
    places: Sequence[int]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> memoryview:
        """Return a value, which is not copied.

        Raises
        ------
        CortadoError
            If the pages that hold it are damaged.
        """
        data, place = self.pages.data, self.places[index]
        low, high, flags, key_size = _NODE.unpack_from(data, place)
        begin, size = place + _NODE.size + key_size, low | high << 16
        if not flags:
            return data[begin : begin + size]
        (page,) = struct.unpack_from("<Q", data, begin)
        begin = self.pages.find(page, _OVERFLOW) + _HEADER
        (count,) = struct.unpack_from("<I", data, begin - 4)
        if count != -(-(_HEADER + size) // self.pages.size) or begin + size > len(data):
            raise CortadoError(f"{size} bytes are not on the {count} pages that should hold them")
        return data[begin : begin + size]

    def key(self, index: int) -> str:
        """Return a key, for errors."""
        return self.pages.key(self.places[index]).decode(errors="replace")


def read_lmdb(data: memoryview) -> LmdbRecords:
    """Return the records of an LMDB file; values on pages of their own are not touched.

    Raises
    ------
    CortadoError
        If it is no LMDB, is damaged or truncated, or holds more than one plain database.
    """
    first = _read_meta(data, 0)
    second = _read_meta(data, first.page_size)
    meta = second if first.transaction < second.transaction else first
    size = (meta.last_page + 1) * meta.page_size
    if len(data) < size:
        raise CortadoError(f"it is truncated: it should have {size:,} bytes")
    if meta.free_flags & _ORDERS != _INTEGER_KEYS:
        raise CortadoError("its tree of free pages is damaged")
    if meta.flags or meta.key_size:
        raise CortadoError("it has several values for a key, or an order of keys of its own")
    pages = _Pages(data[:size], first.page_size)
    places = array("q", _in_order(pages, meta))
    if len(places) != meta.entries:
        raise CortadoError(f"it has {len(places):,} records and should have {meta.entries:,}")
    return LmdbRecords(pages, places)


def _in_order(pages: _Pages, meta: _Meta) -> Iterator[int]:
    """Yield the place of each record; each key must be above the one before.

    So no leaf is met twice, and of a page that is its own child the depth makes an end.
    """
    if meta.root == _NO_PAGE:
        return
    if not 0 < meta.depth <= _MAX_DEPTH:
        raise CortadoError(f"its tree has the depth {meta.depth}")
    last = b""
    for places in pages.leaves(meta.root, meta.depth):
        for place in places:
            key = pages.key(place)
            if key <= last:
                raise CortadoError("its keys are not in order")
            last = key
            yield place


def _read_meta(data: memoryview, begin: int) -> _Meta:
    if len(data) < begin + _META.size:
        raise CortadoError("it is too short")
    kind, magic, version, page_size, *rest = _META.unpack_from(data, begin)
    if magic != _MAGIC or kind != _META_PAGE:
        raise CortadoError("its first pages are no meta pages")
    if version != _VERSION:
        raise CortadoError(f"it is of version {version} of the format")
    if page_size not in _PAGE_SIZES:
        raise CortadoError(f"its pages have {page_size} bytes")
    return _Meta(page_size, *rest)
