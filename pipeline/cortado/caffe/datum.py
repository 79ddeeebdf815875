"""Bytes of a Datum → a labelled image: the records of Caffe's databases.

    Datum    1 channels    2 height    3 width    4 data (uint8, or an encoded file)    5 label
             6 float_data    7 encoded

Values are in the order channel, row, column. `data` wins where it is not empty, as in Caffe.

Source: BVLC/caffe caffe.proto and data_transformer.cpp (Transform).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import numpy as np

from cortado.caffe.wire import DamagedError, read_message
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["Datum", "label_of", "read_datum"]


@dataclass(frozen=True)
class Datum:
    """A record.

    Attributes
    ----------
    label : int
        The class.
    pixels : array of shape (channels, height, width) or None
        uint8 or float32; None where the image is encoded.
    encoded : bytes
        A whole JPEG or PNG file; empty where it is not encoded.
    """

    label: int
    pixels: Array | None
    encoded: bytes = b""


def read_datum(record: bytes | memoryview) -> Datum:
    """Return the image that a record holds.

    Raises
    ------
    CortadoError
        If the record is no Datum, or does not have the pixels that it declares.
    """
    with _naming():
        message = read_message(memoryview(record))
        label = _as_int32(message.integer(5))
        if message.integer(7):
            return Datum(label, None, bytes(message.content(4)))
        shape = tuple(message.integer(number) for number in (1, 2, 3))
        pixels: Array = np.frombuffer(message.content(4), np.uint8)
        if not pixels.size:
            pixels = message.array(6, "<f4")
    if min(shape) < 1 or pixels.size != prod(shape):
        raise CortadoError(f"it has {pixels.size} values for the shape {list(shape)}")
    if pixels.dtype != np.uint8 and not np.isfinite(pixels).all():
        raise CortadoError("it has pixels that are no numbers")
    return Datum(label, pixels.reshape(shape))


def label_of(record: bytes | memoryview) -> int:
    """Return the label alone; the pixels are not touched."""
    with _naming():
        return _as_int32(read_message(memoryview(record)).integer(5))


@contextmanager
def _naming() -> Iterator[None]:
    """Name the record in an error about damage."""
    try:
        yield
    except DamagedError as error:
        raise CortadoError(f"it is no Datum: {error}") from error


def _as_int32(value: int) -> int:
    return int(np.int64(value).astype(np.int32))
