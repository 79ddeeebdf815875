"""The wire reader and the caffemodel reader: every encoding, and whatever bytes may come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffe.running import CAFFE, blob, caffemodel, field, fixed, varint
from cortado.caffe import read_caffemodel
from cortado.caffe.wire import read_message
from cortado.errors import CortadoError
from support import needs_shared

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)
SMALL = caffemodel({"conv1": [WEIGHT, WEIGHT[0]], "ip": [np.float32(4)]})


def only_blob(data):
    layer = field(100, field(1, b"l") + field(7, data))
    (found,) = read_caffemodel(layer).layers["l"]
    return found


def test_blobs_by_layer():
    layers = read_caffemodel(SMALL).layers
    assert list(layers) == ["conv1", "ip"]
    np.testing.assert_array_equal(layers["conv1"][0].array, WEIGHT)
    assert layers["ip"][0].array.shape == ()


def test_unpacked_floats_and_dims():
    dims = field(7, varint(1 << 3) + varint(2) + varint(1 << 3) + varint(3))
    data = dims + b"".join(fixed(5, value) for value in WEIGHT.flat)
    np.testing.assert_array_equal(only_blob(data).array, WEIGHT)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=6))
def test_runs_of_numbers_end_where_their_tag_ends(runs):
    """Fields 5 and 6, alternately: as many floats in a row as the lists say."""
    sent = {5: [], 6: []}
    data = b""
    for counts in runs:
        for number, count in zip((5, 6), counts, strict=True):
            values = np.arange(count, dtype=np.float32) + len(sent[number])
            sent[number].extend(values)
            data += b"".join(fixed(number, value) for value in values)
    message = read_message(memoryview(data))
    for number, values in sent.items():
        np.testing.assert_array_equal(message.array(number, "<f4"), values)


def test_doubles_win_over_floats():
    data = blob(np.zeros((2, 3))) + field(8, WEIGHT.astype("<f8").tobytes())
    np.testing.assert_array_equal(only_blob(data).array, WEIGHT)


def test_a_message_in_pieces_is_their_sum():
    dims = field(7, field(1, b"\x02")) + field(7, field(1, b"\x03"))
    np.testing.assert_array_equal(only_blob(dims + field(5, WEIGHT.tobytes())).array, WEIGHT)
    v0 = field(1, field(1, b"l") + field(50, blob(WEIGHT))) + field(1, field(50, blob(WEIGHT[0])))
    assert len(read_caffemodel(field(2, v0)).layers["l"]) == 2


def test_of_a_field_that_is_not_repeated_the_last_counts():
    shape = field(7, field(1, bytes([2, 3]))) + varint(10 << 3) + varint(2)
    raw = field(12, b"\0" * 12) + field(12, WEIGHT.astype("<f2").tobytes())
    np.testing.assert_array_equal(only_blob(shape + raw).array, WEIGHT)
    with pytest.raises(CortadoError, match="field 10 is of wire type 2"):
        only_blob(shape + field(10, b"\x02") + raw)


@pytest.mark.parametrize(
    ("kind", "dtype"), [(None, "<f8"), (0, "<f8"), (1, "<f4"), (2, "<f2"), (3, "<i4"), (4, "<u4")]
)
def test_nvidia_raw_data(kind, dtype):
    shape = field(7, field(1, bytes([2, 3])))
    type_field = b"" if kind is None else varint(10 << 3) + varint(kind)
    found = only_blob(shape + type_field + field(12, WEIGHT.astype(dtype).tobytes()))
    np.testing.assert_array_equal(found.array, WEIGHT)


def test_nvidia_raw_data_of_an_unknown_type_is_refused():
    shape = field(7, field(1, bytes([2, 3])))
    with pytest.raises(CortadoError, match="layer 'l', blob 0: raw_data is of the unknown type 5"):
        only_blob(shape + varint(10 << 3) + varint(5) + field(12, b"\0" * 6))


def test_the_zeros_of_a_mask_become_plain_zeros():
    found = only_blob(blob(np.float32([[-0.0, 1, -1]])))
    assert not np.signbit(found.array[0, 0])


def test_legacy_shapes_fit_from_the_right():
    sizes = b"".join(
        varint(i << 3) + varint(n) for i, n in zip((1, 2, 3, 4), (1, 1, 2, 3), strict=True)
    )
    found = only_blob(sizes + field(5, WEIGHT.tobytes()))
    assert found.legacy
    np.testing.assert_array_equal(found.fit((2, 3)), WEIGHT)
    assert found.fit((3, 2)) is None
    assert found.fit((6,)) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the caffemodel is empty"),
        (SMALL[:-1], "a field of 16 bytes has 15"),
        (field(1, b"a net"), "the caffemodel has no layers; is it a solverstate or a mean file?"),
        (b"\x0b", "a field is of wire type 3"),
        (b"\xff" * 20, "an integer does not end"),
        (b"\x00\x00", "a field has the number 0"),
        (varint(2**29 << 3) + b"\x00", "a field has the number 536870912"),
        (b"\xa2\x80\x80\x80\x80\x80\x80\x80\x80\x12\x00", "an integer does not end"),
        (SMALL + field(2, field(4, b"old")), "the caffemodel mixes `layer` and `layers`"),
        (
            field(100, field(7, field(7, fixed(1, 1)) + fixed(5, 1))),
            "field 1 is of wire type 5",
        ),
        (field(100, field(7, field(8, b"\0" * 8) + fixed(8, 1))), "field 8 is of wire type 5"),
        (field(100, field(1, b"\xff")), "a name is not UTF-8"),
        (varint(100 << 3) + b"\x01", "field 100 is of wire type 0"),
        (
            field(100, field(1, b"l") + field(7, field(7, field(1, varint(10**12))))),
            "layer 'l', blob 0 has the shape [1000000000000]",
        ),
        (
            field(
                100, field(1, b"l") + field(7, field(7, field(1, b"\x03")) + field(5, b"\0" * 8))
            ),
            "layer 'l', blob 0 has 2 values for the shape [3]",
        ),
        (
            field(
                100, field(1, b"l") + field(7, field(7, field(1, b"\x01")) + field(5, b"\0" * 3))
            ),
            "3 bytes are no whole number of float32",
        ),
    ],
)
def test_damage(data, reason):
    with pytest.raises(CortadoError) as error:
        read_caffemodel(data)
    assert str(error.value).endswith(reason)


def read_or_refuse(data):
    try:
        read_caffemodel(data)
    except CortadoError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def test_every_truncation_is_read_or_refused():
    for size in range(len(SMALL)):
        read_or_refuse(SMALL[:size])


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data):
    read_or_refuse(data)


@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=5))
def test_mutations_are_read_or_refused(changes):
    data = bytearray(SMALL)
    for position, byte in changes:
        data[position] = byte
    read_or_refuse(bytes(data))


@needs_shared
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_mutations_of_a_real_file_are_read_or_refused(data):
    real = bytearray((CAFFE / "mtcnn-det1/det1.caffemodel").read_bytes())
    for _ in range(5):
        real[data.draw(st.integers(0, len(real) - 1))] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(real[: data.draw(st.integers(1, len(real)))]))


@given(st.dictionaries(st.integers(1, 2**29 - 1), st.binary(max_size=20), max_size=5))
def test_fields_round_trip(fields):
    data = b"".join(field(number, content) for number, content in fields.items())
    found = read_message(memoryview(data)).fields
    assert {number: bytes(values[0]) for number, values in found.items()} == fields


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=10), st.booleans())
def test_integers_round_trip(values, packed):
    raw = [varint(value % 2**64) for value in values]
    data = field(3, b"".join(raw)) if packed else b"".join(varint(3 << 3) + v for v in raw)
    assert read_message(memoryview(data)).integers(3) == tuple(values)
