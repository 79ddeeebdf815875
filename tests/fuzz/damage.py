"""Damage to bytes, of which nothing is known: flips, cuts, repeats, blown-up lengths."""

from collections.abc import Callable
from random import Random

BLOWN_UP = [
    b"\xff\xff\xff\xff\x0f",
    b"\xff" * 9 + b"\x01",
    b"\x80\x80\x80\x80\x10",
    b"\xff\xff\x03",
]


def damage(data: bytes, rng: Random) -> bytes:
    """Return the bytes after one to four accidents."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(ACCIDENTS)(data, rng)
    return data


def place(data: bytes, rng: Random) -> int:
    """Return a place in the bytes, half of the time near one of the ends, where headers are."""
    near = min(len(data), 64)
    return rng.choice(
        [rng.randint(0, len(data)), rng.randint(0, near), len(data) - rng.randint(0, near)]
    )


def chunk(data: bytes, rng: Random) -> tuple[int, int]:
    start = place(data, rng)
    return start, min(len(data), start + rng.choice((1, 2, 4, 8, rng.randint(1, 64))))


def flip(data: bytes, rng: Random) -> bytes:
    at = min(place(data, rng), len(data) - 1)
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :] if data else data


def replace(data: bytes, rng: Random) -> bytes:
    start, stop = chunk(data, rng)
    return data[:start] + rng.randbytes(stop - start) + data[stop:]


def extreme(data: bytes, rng: Random) -> bytes:
    start, stop = chunk(data, rng)
    return (
        data[:start] + bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF))]) * (stop - start) + data[stop:]
    )


def cut(data: bytes, rng: Random) -> bytes:
    return data[: place(data, rng)]


def drop(data: bytes, rng: Random) -> bytes:
    start, stop = chunk(data, rng)
    return data[:start] + data[stop:]


def repeat(data: bytes, rng: Random) -> bytes:
    start, stop = chunk(data, rng)
    return data[:stop] + data[start:stop] * rng.choice((1, 2, 1000)) + data[stop:]


def move(data: bytes, rng: Random) -> bytes:
    start, stop = chunk(data, rng)
    at = place(data, rng)
    return data[:at] + data[start:stop] + data[at:]


def blow_up(data: bytes, rng: Random) -> bytes:
    at = place(data, rng)
    return data[:at] + rng.choice(BLOWN_UP) + data[at + rng.choice((0, 1)) :]


ACCIDENTS: list[Callable[[bytes, Random], bytes]] = [
    flip, replace, extreme, cut, drop, repeat, move, blow_up,
]  # fmt: skip
