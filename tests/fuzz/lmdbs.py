"""Damaged LMDB files: refused, or read to the records that the library of LMDB finds in them."""

import functools
import tempfile
from pathlib import Path
from random import Random

import lmdb

from cortado.data.lmdb import read_lmdb
from fuzz.damage import chunk, damage

PAGE = 4096
NUMBERS = [0, 1, 2, 3, 4, 5, 8, 16, 100, 255, 4096, 2**15, 2**16 - 1, 2**31, 2**32 - 1, 2**64 - 1]


@functools.cache
def folder() -> Path:
    return Path(tempfile.mkdtemp())


@functools.cache
def seeds() -> tuple[bytes, ...]:
    """Return a single leaf, a tree, values on pages of their own, and a tree with free pages."""
    rng = Random("lmdb")
    leaf = {b"%08d" % i: rng.randbytes(50) for i in range(9)}
    tree = {b"%08d" % i: rng.randbytes(100) for i in range(200)}
    large = {b"%08d" % i: rng.randbytes(9000 if i % 2 else 90) for i in range(8)}
    changed = {key: rng.randbytes(3000) for key in list(tree)[::40]}
    return tuple(
        written(str(i), *steps)
        for i, steps in enumerate([[leaf], [tree], [large], [tree, changed, leaf]])
    )


def written(name: str, *steps: dict[bytes, bytes]) -> bytes:
    path = folder() / name
    with lmdb.open(str(path), map_size=1 << 24, sync=False) as environment:
        for step in steps:
            with environment.begin(write=True) as transaction:
                for key, value in step.items():
                    transaction.put(key, value)
    return (path / "data.mdb").read_bytes()


def make(number: int) -> bytes:
    rng = Random(f"lmdb {number}")
    data = rng.choice(seeds())
    way = rng.randrange(5)
    if way == 0:
        return damage(data, rng)
    begin = rng.randrange(len(data) // PAGE) * PAGE
    if way == 1:
        return data[:begin] + damage_page(data[begin : begin + PAGE], rng) + data[begin + PAGE :]
    for _ in range(rng.choice((1, 1, 2))):
        at, size = number_of_page(data, begin, rng)
        old = int.from_bytes(data[at : at + size], "little")
        new = rng.choice([*NUMBERS, old + 1, old - 1, old * 2, old ^ 1 << rng.randrange(8 * size)])
        new %= 2 ** (8 * size)
        data = data[:at] + new.to_bytes(size, "little") + data[at + size :]
    return data


def damage_page(page: bytes, rng: Random) -> bytes:
    """Change some bytes anywhere in a page."""
    start, stop = chunk(page, rng)
    return page[:start] + rng.randbytes(stop - start) + page[stop:]


def number_of_page(data: bytes, begin: int, rng: Random) -> tuple[int, int]:
    """Return where a number of a page is, and its bytes: of the header, a meta page, or a node."""
    way = rng.randrange(3)
    if begin < 2 * PAGE and way:
        return begin + rng.choice([*range(16, 24, 4), *range(40, 152, 8)]), rng.choice((2, 4, 8))
    if way == 0:
        return begin + rng.choice((0, 8, 10, 12, 14)), 2
    places = range(16, max(18, int.from_bytes(data[begin + 12 : begin + 14], "little")), 2)
    place = begin + rng.choice(places) % PAGE
    if way == 1:
        return place, 2
    node = begin + int.from_bytes(data[place : place + 2], "little") % (PAGE - 32)
    return node + rng.choice((0, 2, 4, 6, 8, 16)), rng.choice((1, 2, 4))


def judge(data: bytes) -> None:
    records = read_lmdb(memoryview(data))
    found = [
        (records.pages.key(place), bytes(records[i])) for i, place in enumerate(records.places)
    ]
    path = folder() / "data.mdb"
    path.write_bytes(data)
    with (
        lmdb.open(str(path), subdir=False, readonly=True, lock=False, create=False) as environment,
        environment.begin() as transaction,
    ):
        assert found == list(transaction.cursor()), "other records"
