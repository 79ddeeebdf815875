"""Writing protobuf by hand: fields as pieces that are joined once, without copies on the way.

A field whose content has a length is the varint ``number << 3 | 2``, the length as a varint, and
the content; a varint holds 7 bits a byte, low bits first.

Source: protobuf.dev, "Encoding".
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np

from cortado.model.typing import Array

__all__ = ["Piece", "field", "floats", "varint"]

Piece: TypeAlias = bytes | memoryview


def field(number: int, content: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the pieces of a string, a message or packed numbers."""
    pieces = list(content)
    yield varint(number << 3 | 2)
    yield varint(sum(len(piece) for piece in pieces))
    yield from pieces


def floats(array: Array) -> memoryview:
    """Return the bytes of an array as float32, little-endian, in C's order; no copy if it is so."""
    return np.ascontiguousarray(array, "<f4").reshape(-1).view(np.uint8).data


def varint(value: int) -> bytes:
    """Return a number that is not negative."""
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
