"""Bytes of a .caffemodel → the blobs of each layer.

Only names and blobs are read. The architecture comes from the prototxt, because forks of Caffe
give one field number different meanings (140 is `elu_param` here and a masked convolution
there), while the numbers below never changed:

    NetParameter       2 layers (V0, V1)    100 layer
    LayerParameter     1 name    7 blobs
    V1LayerParameter   1 layer (V0)    4 name    6 blobs
    V0LayerParameter   1 name    50 blobs
    BlobProto          1–4 num, channels, height, width    5 data    7 shape    8 double_data
                       10 raw_data_type    12 raw_data (NVIDIA)
    BlobShape          1 dim

If any of the four legacy sizes is present they are the shape, the missing ones 0; otherwise it
is `shape`, and without one the blob is a scalar. `double_data` wins over `data`.

Source: BVLC/caffe caffe.proto and blob.cpp (FromProto, ShapeEquals); NVIDIA/caffe for raw_data.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np

from cortado.caffe.graph import MAX_AXES
from cortado.caffe.wire import DamagedError, WireMessage, read_message
from cortado.errors import CortadoError
from cortado.model.typing import Array, FloatArray

__all__ = ["CaffeWeights", "StoredBlob", "read_blob", "read_caffemodel"]


_RAW_TYPES = ("<f8", "<f4", "<f2", "<i4", "<u4")  # DOUBLE, FLOAT, FLOAT16, INT, UINT


@dataclass(frozen=True)
class StoredBlob:
    """A blob as stored.

    Attributes
    ----------
    array : array of float32
        The values, in the stored shape, with 0 for −0.
    legacy : bool
        Whether the shape is one of the four sizes that Caffe knew before 2014.
    """

    array: FloatArray
    legacy: bool = False

    @classmethod
    def of(cls, values: Array, shape: tuple[int, ...], *, legacy: bool = False) -> "StoredBlob":
        """Return the blob of these values, which may be of any type, and are copied.

        Masks leave −0 where a net was pruned in Caffe. Nothing computes otherwise with it, but
        as 0 a pruned weight is the same bits everywhere.
        """
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, as in Caffe
            array: FloatArray = np.array(values, np.float32).reshape(shape)
        array += 0  # −0 + 0 is 0
        return cls(array, legacy)

    def fit(self, shape: tuple[int, ...]) -> FloatArray | None:
        """Return the values in the shape that the net asks for, or None where it can't be.

        A legacy shape is right-aligned: (1, 1, 500, 800) fits (500, 800).
        """
        wanted = (1,) * (4 - len(shape)) + shape if self.legacy else shape
        return self.array.reshape(shape) if wanted == self.array.shape else None


_Layer: TypeAlias = tuple[str, tuple[StoredBlob, ...]]


@dataclass(frozen=True)
class CaffeWeights:
    """The blobs of each layer by its name; of two layers with one name the last's.

    None stands for a blob that only the owner of a shared parameter stores, as HDF5 has it.
    """

    layers: Mapping[str, tuple[StoredBlob | None, ...]]


def read_caffemodel(data: bytes) -> CaffeWeights:
    """Return the blobs that a .caffemodel holds, by the names of their layers.

    Parameters
    ----------
    data : bytes
        The complete file, of any of Caffe's three formats: V0, V1 or the current one.

    Raises
    ------
    CortadoError
        If the file is empty, damaged or truncated, or has no layers.
    """
    if not data:
        raise CortadoError("the caffemodel is empty")
    try:
        net = read_message(memoryview(data))
        layers = [*_old_layers(net), *_layers(net)]
    except DamagedError as error:
        raise CortadoError(f"the caffemodel is damaged or truncated: {error}") from error
    if 2 in net.fields and 100 in net.fields:
        raise CortadoError("the caffemodel mixes `layer` and `layers`")
    if not layers:
        raise CortadoError("the caffemodel has no layers; is it a solverstate or a mean file?")
    return CaffeWeights(dict(layers))


def read_blob(data: bytes) -> StoredBlob:
    """Return the blob of a file that holds nothing else, such as a mean image.

    Raises
    ------
    DamagedError
        If the bytes are no BlobProto, or do not have the values of its shape.
    """
    return _blob(read_message(memoryview(data)), "it")


def _layers(net: WireMessage) -> Iterator[_Layer]:
    for layer in net.messages(100):
        name = layer.text(1)
        yield name, _blobs(layer, 7, name)


def _old_layers(net: WireMessage) -> Iterator[_Layer]:
    for outer in net.messages(2):
        inner = outer.message(1)
        if inner:  # V0 keeps the layer in a message of its own, beside its bottoms and tops
            name = inner.text(1)
            yield name, _blobs(inner, 50, name)
        else:
            name = outer.text(4)
            yield name, _blobs(outer, 6, name)


def _blobs(layer: WireMessage, number: int, name: str) -> tuple[StoredBlob, ...]:
    return tuple(
        _blob(blob, f"layer {name!r}, blob {i}") for i, blob in enumerate(layer.messages(number))
    )


def _blob(blob: WireMessage, where: str) -> StoredBlob:
    legacy = any(number in blob.fields for number in (1, 2, 3, 4))
    shape = _legacy_shape(blob) if legacy else _shape(blob)
    if len(shape) > MAX_AXES or any(not 0 <= size < 2**31 for size in shape):
        raise DamagedError(f"{where} has the shape {list(shape)[:40]}")
    values = _values(blob, where)
    if values.size != prod(shape) or not values.size:
        raise DamagedError(f"{where} has {values.size} values for the shape {list(shape)}")
    return StoredBlob.of(values, shape, legacy=legacy)


def _shape(blob: WireMessage) -> tuple[int, ...]:
    shape = blob.message(7)
    return shape.integers(1) if shape else ()


def _legacy_shape(blob: WireMessage) -> tuple[int, ...]:
    return tuple(blob.integer(number) for number in (1, 2, 3, 4))


def _values(blob: WireMessage, where: str) -> Array:
    if 12 in blob.fields:
        kind = blob.integer(10)
        if not 0 <= kind < len(_RAW_TYPES):
            raise DamagedError(f"{where}: raw_data is of the unknown type {kind}")
        dtype, raw = np.dtype(_RAW_TYPES[kind]), blob.content(12)
        if len(raw) % dtype.itemsize:
            raise DamagedError(f"{where}: {len(raw)} bytes are no whole number of {dtype.name}")
        return np.frombuffer(raw, dtype)
    doubles = blob.array(8, "<f8")
    return doubles if doubles.size else blob.array(5, "<f4")
