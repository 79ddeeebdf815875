"""Bytes of a protobuf message → its fields by number, without a schema.

A message is a run of fields; each begins with a varint, ``number << 3 | kind``:

    kind 0  varint            an integer of up to 64 bits, 7 bits a byte, low bits first
    kind 1  8 bytes           a double
    kind 2  varint n, n bytes a string, a message, or packed numbers
    kind 5  4 bytes           a float
    kind 3, 4                 groups, which Caffe never writes: refused

Whether kind 2 holds text, a message or numbers is for the reader to say. Numbers are read alike
whether packed or one a field, and a message that comes in several pieces is their sum, as protobuf
demands. A field of a kind that its reader cannot have is damage, where protobuf would skip it.

Source: protobuf.dev, "Encoding".
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["DamagedError", "WireMessage", "read_message"]

_MAX_VARINT = 10  # bytes of a 64-bit varint
_MAX_SHORT = 5  # bytes of a tag, or of a size
_MAX_NUMBER = 2**29 - 1  # of a field
_FIXED = {1: 8, 5: 4}


class DamagedError(CortadoError):
    """Bytes are not what they should be: how; of what file they are, its reader adds."""


@dataclass(frozen=True)
class WireMessage:
    """The fields of a message, by number, in the order written.

    An integer field is an int; every other one is the bytes of its content. Numbers of fixed
    size that follow one another, one a field, are one content, as if they were packed. The kinds
    that a number was written with stand apart.
    """

    fields: dict[int, list[int | memoryview]]
    kinds: dict[int, set[int]]

    def messages(self, number: int) -> Iterator["WireMessage"]:
        """Yield each occurrence of a message field."""
        for data in self.contents(number):
            yield read_message(data)

    def message(self, number: int) -> "WireMessage | None":
        """Return a message field that is not repeated; None where it is absent."""
        pieces = self._contents(number, {2})
        return read_message(memoryview(b"".join(pieces))) if pieces else None

    def text(self, number: int) -> str:
        """Return a string; the empty one where it is absent."""
        try:
            return bytes(self.content(number)).decode()
        except UnicodeDecodeError as error:
            raise DamagedError("a name is not UTF-8") from error

    def integer(self, number: int) -> int:
        """Return an integer that is not repeated; 0 where it is absent."""
        self._check(number, {0})
        return (self.integers(number) or (0,))[-1]

    def content(self, number: int) -> memoryview:
        """Return the bytes of a field that is not repeated; none where it is absent."""
        return (self._contents(number, {2}) or [memoryview(b"")])[-1]

    def integers(self, number: int) -> tuple[int, ...]:
        """Return a repeated signed integer, packed or not."""
        self._check(number, {0, 2})
        values: list[int] = []
        for value in self.fields.get(number, ()):
            values.extend([value] if isinstance(value, int) else _varints(value))
        return tuple(value - 2**64 if value >= 2**63 else value for value in values)

    def array(self, number: int, dtype: str) -> Array:
        """Return a repeated number of fixed size, packed or not, as a vector.

        Parameters
        ----------
        number : int
            The field's number.
        dtype : str
            How NumPy calls the numbers, such as ``<f4``.
        """
        single = {size: kind for kind, size in _FIXED.items()}.get(np.dtype(dtype).itemsize, 2)
        contents = self._contents(number, {2, single})
        data = contents[0] if len(contents) == 1 else b"".join(contents)
        if len(data) % np.dtype(dtype).itemsize:
            raise DamagedError(f"{len(data)} bytes are no whole number of {np.dtype(dtype).name}")
        return np.frombuffer(data, dtype)

    def contents(self, number: int) -> list[memoryview]:
        """Return the content of each occurrence of a string, a message or packed numbers."""
        return self._contents(number, {2})

    def _contents(self, number: int, kinds: set[int]) -> list[memoryview]:
        self._check(number, kinds)
        return [value for value in self.fields.get(number, ()) if not isinstance(value, int)]

    def _check(self, number: int, kinds: set[int]) -> None:
        """Refuse a field that is of none of these kinds."""
        for kind in self.kinds.get(number, set()) - kinds:
            raise DamagedError(f"field {number} is of wire type {kind}")


def read_message(data: memoryview) -> WireMessage:
    """Return the fields of the message that `data` holds, nested ones still as bytes.

    Raises
    ------
    DamagedError
        If the bytes are no protobuf message, or only the beginning of one.
    """
    fields: dict[int, list[int | memoryview]] = {}
    kinds: dict[int, set[int]] = {}
    position = 0
    while position < len(data):
        begin = position
        tag, position = _varint(data, position, _MAX_SHORT)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= _MAX_NUMBER:
            raise DamagedError(f"a field has the number {number}")
        value: int | memoryview
        if kind == 0:
            value, position = _varint(data, position)
        else:
            size, position = _size(data, position, kind)
            if size > len(data) - position:
                raise DamagedError(f"a field of {size} bytes has {len(data) - position}")
            if kind == 2:
                value, position = data[position : position + size], position + size
            else:
                value, position = _run(data, begin, position - begin, size)
        fields.setdefault(number, []).append(value)
        kinds.setdefault(number, set()).add(kind)
    return WireMessage(fields, kinds)


def _size(data: memoryview, position: int, kind: int) -> tuple[int, int]:
    """Return the size of a field's content, and where the content begins."""
    if kind == 2:
        return _varint(data, position, _MAX_SHORT)
    if kind not in _FIXED:
        raise DamagedError(f"a field is of wire type {kind}")
    return _FIXED[kind], position


def _run(data: memoryview, begin: int, tag: int, size: int) -> tuple[memoryview, int]:
    """Return the contents of all fields in a row that have the tag at `begin`, as if packed.

    Parameters
    ----------
    data : memoryview
        The message.
    begin : int
        Where the first of the fields begins; it is complete.
    tag, size : int
        The bytes of a field's tag and of its content.

    Returns
    -------
    memoryview, int
        The contents, one behind the other, and the position after the last field.
    """
    width = tag + size
    rest = np.frombuffer(data, np.uint8, (len(data) - begin) // width * width, begin)
    rows = rest.reshape(-1, width)
    count = 1
    while count < len(rows):  # as many again, so that a short run is found in a moment
        same = (rows[count : 2 * count, :tag] == rows[0, :tag]).all(axis=1)
        if not same.all():
            count += int(same.argmin())
            break
        count += len(same)
    if count == 1:
        return data[begin + tag : begin + width], begin + width
    return memoryview(rows[:count, tag:].tobytes()), begin + count * width


def _varint(data: memoryview, position: int, longest: int = _MAX_VARINT) -> tuple[int, int]:
    """Return the varint at `position`, of a limited number of bytes, and the position after it."""
    value = 0
    for i, byte in enumerate(data[position : position + longest]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value & (2**64 - 1), position + i + 1
    raise DamagedError("an integer does not end")


def _varints(data: memoryview) -> Iterator[int]:
    position = 0
    while position < len(data):
        value, position = _varint(data, position)
        yield value
