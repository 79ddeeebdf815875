"""Damaged records of Caffe's databases: refused, or the image that google.protobuf finds there."""

import functools
from math import prod
from random import Random

import numpy as np
from google.protobuf.message import DecodeError

from cortado.caffe.datum import read_datum
from fuzz.damage import damage
from fuzz.messages import change_message
from fuzz.schema import Datum
from fuzz.wire import damage_fields


@functools.cache
def seeds() -> tuple[bytes, ...]:
    """Return a record of bytes, one of floats, and one that holds an encoded file."""
    rng = np.random.default_rng(0)
    size = {"channels": 3, "height": 4, "width": 5, "label": 7}
    floats = Datum(**size, float_data=rng.standard_normal(60).astype(np.float32).tolist())
    encoded = Datum(**size, data=b"\x89PNG\r\n" + rng.bytes(30), encoded=True)
    return tuple(
        datum.SerializeToString() for datum in (Datum(**size, data=rng.bytes(60)), floats, encoded)
    )


def make(number: int) -> bytes:
    rng = Random(f"datum {number}")
    record = rng.choice(seeds())
    way = rng.randrange(3)
    if way == 0:
        return damage(record, rng)
    if way == 1:
        return damage_fields(record, rng)
    datum = Datum.FromString(record)
    change_message(datum, rng)
    return datum.SerializeToString()


def judge(record: bytes) -> None:
    found = read_datum(record)
    try:
        datum = Datum.FromString(record)
    except DecodeError as error:
        raise AssertionError(f"protobuf refuses it: {error}") from error
    assert found.label == datum.label
    if datum.encoded:
        assert (found.pixels, found.encoded) == (None, datum.data)
        return
    shape = datum.channels, datum.height, datum.width
    values = np.frombuffer(datum.data, np.uint8) if datum.data else np.float32(datum.float_data)
    assert values.size == prod(shape), (values.size, shape)
    np.testing.assert_array_equal(found.pixels, values.reshape(shape))
