"""MNIST's file format."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from cortado.data.idx import parse_idx
from cortado.errors import CortadoError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def idx(array):
    """Write an array as the page of the MNIST database describes."""
    code = CODES[array.dtype.str[1:]]
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("code", CODES)
def test_every_type_is_read(code):
    array = np.array([[0, 1, 2], [100, 101, 127]], code)
    result = parse_idx(idx(array), "the file")
    assert result.dtype == np.dtype(code)
    assert result.dtype.isnative
    np.testing.assert_array_equal(result, array)


@given(hnp.arrays(np.int16, hnp.array_shapes(max_dims=4, max_side=5)))
def test_any_array_comes_back(array):
    np.testing.assert_array_equal(parse_idx(idx(array), "the file"), array)


def test_gzip_is_recognized_by_its_content():
    np.testing.assert_array_equal(parse_idx(gzip.compress(idx(IMAGES)), "the file"), IMAGES)


def test_a_file_cut_anywhere_is_refused():
    data = idx(IMAGES)
    for length in range(len(data)):
        with pytest.raises(CortadoError, match="the file is"):
            parse_idx(data[:length], "the file")


def test_a_gzip_file_cut_anywhere_is_refused():
    data = gzip.compress(idx(IMAGES))
    for length in range(len(data)):
        with pytest.raises(CortadoError, match="the file is"):
            parse_idx(data[:length], "the file")


def header(code, *shape):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (idx(IMAGES) + b"\0", r"declares the shape \[2, 3, 4\] and holds 25 bytes"),
        (b"\1" + idx(IMAGES)[1:], "is not an IDX file"),
        (header(0x0A, 1) + b"\0", "is not an IDX file"),
        (header(0x08, 2**32 - 1, 2**32 - 1, 2**32 - 1), "is truncated or damaged"),
        (header(0x08, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1), "is empty"),
        (header(0x08, *[1] * 70) + b"\0", "is not an IDX file"),
        (gzip.compress(idx(IMAGES))[:-8] + bytes(8), "is a damaged gzip file"),
        (gzip.compress(idx(IMAGES)) + b"rest", "is a damaged gzip file"),
    ],
)
def test_a_damaged_file_is_refused(data, message):
    with pytest.raises(CortadoError, match=f"the file {message}|{message}"):
        parse_idx(data, "the file")
