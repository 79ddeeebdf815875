"""The blobs of each layer → the bytes of a .caffemodel in the current format.

    NetParameter      1 name    100 layer
    LayerParameter    1 name    2 type    7 blobs
    BlobProto         5 data (packed)    7 shape
    BlobShape         1 dim (packed)

Caffe takes the blobs of a file by the names of its layers and the architecture from a prototxt,
so that layers without blobs, and how layers are connected, need not be in it.

Source: BVLC/caffe caffe.proto and net.cpp (CopyTrainedLayersFrom).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cortado.errors import CortadoError
from cortado.model.onnx_io.fields import Piece, field, floats, varint
from cortado.model.typing import Array

__all__ = ["LayerBlobs", "write_caffemodel"]

_LIMIT = 2**31 - 1  # Caffe reads no larger message


@dataclass(frozen=True)
class LayerBlobs:
    """The blobs of one layer.

    Attributes
    ----------
    name, type : str
        The layer's name, by which Caffe finds it, and its type.
    arrays : tuple of array
        The blobs in Caffe's order and shapes, written as float32.
    """

    name: str
    type: str
    arrays: tuple[Array, ...]


def write_caffemodel(net: str, layers: Iterable[LayerBlobs]) -> bytes:
    """Return the bytes of the .caffemodel of the net that is called `net`.

    Raises
    ------
    CortadoError
        If it would be larger than protobuf allows.
    """
    pieces = [*field(1, [net.encode()])]
    for layer in layers:
        pieces += field(100, _layer(layer))
    if sum(len(piece) for piece in pieces) > _LIMIT:
        raise CortadoError("the caffemodel would be larger than 2 GiB, which Caffe cannot read")
    return b"".join(pieces)


def _layer(layer: LayerBlobs) -> Iterator[Piece]:
    yield from field(1, [layer.name.encode()])
    yield from field(2, [layer.type.encode()])
    for array in layer.arrays:
        yield from field(7, _blob(array))


def _blob(array: Array) -> Iterator[Piece]:
    yield from field(5, [floats(array)])
    yield from field(7, field(1, [varint(size) for size in array.shape]))
