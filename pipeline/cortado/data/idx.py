"""The IDX file format of MNIST and its successors, plain or gzipped.

Two zero bytes, a byte for the type, a byte for the rank, a big-endian 32-bit size for each
axis, then the values, big-endian, last axis fastest (described on the page of the MNIST
database).
"""

import gzip
import struct
import zlib

import numpy as np

from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["parse_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_RANK = 4  # images in colour


def parse_idx(data: bytes, source: str) -> Array:
    """Return the array that the bytes of an IDX file hold.

    Parameters
    ----------
    data : bytes
        A whole file, gzipped or not.
    source : str
        What to call the file in an error.
    """
    if data.startswith(_GZIP_MAGIC):
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise CortadoError(f"{source} is a damaged gzip file: {error}") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or data[3] > _MAX_RANK:
        raise CortadoError(f"{source} is not an IDX file")
    dtype, rank = np.dtype(_TYPES[data[2]]), data[3]
    offset = 4 + 4 * rank
    if len(data) < offset:
        raise CortadoError(f"{source} is truncated")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    if 0 in shape:
        raise CortadoError(f"{source} is empty: it declares the shape {list(shape)}")
    if len(data) - offset != dtype.itemsize * int(np.prod(shape, dtype=object)):
        raise CortadoError(
            f"{source} is truncated or damaged: it declares the shape {list(shape)} "
            f"and holds {len(data) - offset} bytes"
        )
    values = np.frombuffer(data, dtype, offset=offset).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)
