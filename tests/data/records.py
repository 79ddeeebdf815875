"""Caffe's databases, written for tests by the rules of protobuf, not by the code under test."""

import lmdb
import numpy as np
import plyvel


def varint(number):
    number &= 2**64 - 1
    result = b""
    while number > 127:
        result += bytes([number & 127 | 128])
        number >>= 7
    return result + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def datum(image, label):
    """Return a Datum of an image of shape (c, h, w): uint8, or float32 one value a field."""
    sizes = b"".join(field(i + 1, size) for i, size in enumerate(image.shape))
    if image.dtype == np.uint8:
        return sizes + field(4, image.tobytes()) + field(5, label)
    values = b"".join(varint(6 << 3 | 5) + value.tobytes() for value in image.ravel())
    return sizes + field(5, label) + values


def packed(image, label):
    """Return a Datum of float32 values in one field."""
    sizes = b"".join(field(i + 1, size) for i, size in enumerate(image.shape))
    return sizes + field(5, label) + field(6, image.astype("<f4").tobytes())


def encoded(data, label):
    return field(4, data) + field(5, label) + field(7, 1)


def mean_file(mean):
    """Return a mean.binaryproto of an image of shape (c, h, w)."""
    sizes = b"".join(field(i + 1, size) for i, size in enumerate((1, *mean.shape)))
    return sizes + field(5, mean.astype("<f4").tobytes())


def write_lmdb(path, records):
    with lmdb.open(str(path), map_size=1 << 26) as environment, environment.begin(write=True) as t:
        for i, record in enumerate(records):
            t.put(b"%08d" % i, record)
    return str(path)


def write_leveldb(path, records):
    with plyvel.DB(str(path), create_if_missing=True) as database:
        for i, record in enumerate(records):
            database.put(b"%08d" % i, record)
    return str(path)
