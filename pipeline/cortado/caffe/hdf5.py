"""Bytes of a .caffemodel.h5 → the blobs of each layer.

    /data/<layer>/<i>    blob i of the layer, a dataset of the blob's shape

A blob that shares another's parameter by name is absent: only its owner stores it.

Caffe never compresses; other tools may. What a dataset takes is checked before HDF5 allocates it,
that of each compressed chunk too, whose size the format does not hold: a damaged or hostile chunk
of a megabyte could fill a gigabyte.

Source: BVLC/caffe net.cpp (ToHDF5, CopyTrainedLayersFromHDF5) and hdf5.cpp.
"""

import io
import zlib
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from cortado.caffe.caffemodel import CaffeWeights, StoredBlob
from cortado.caffe.graph import MAX_AXES
from cortado.errors import CAFFE_EXTRA, CortadoError

if TYPE_CHECKING:
    import h5py

__all__ = ["SIGNATURE", "most_bytes", "read_hdf5"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of every HDF5 file."""

_ERRORS = (
    OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError, zlib.error
)  # fmt: skip
_MAX_DEPTH = 64  # of groups: HDF5 visits them recursively
_PLENTY = 2**28  # bytes of blobs that any file may hold
_MAX_RATIO = 64  # and how many times its own size, where that is more
_DEFLATE = 1
_FILTERS = {_DEFLATE, 2, 3}  # and shuffle, fletcher32; others are code that HDF5 loads


def read_hdf5(data: bytes) -> CaffeWeights:
    """Return the blobs that a .caffemodel.h5 holds, by the names of their layers.

    Parameters
    ----------
    data : bytes
        The complete file.

    Raises
    ------
    CortadoError
        If the file is damaged or truncated, holds no weights, or h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise CortadoError(f"HDF5 weights need h5py: install {CAFFE_EXTRA}") from error
    layers: dict[str, tuple[StoredBlob | None, ...]] = {}
    left = most_bytes(len(data))
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            for name, group in _groups(file):
                datasets = _datasets(group, name)
                left -= sum(_check(dataset, where, data) for where, dataset in datasets.values())
                if left < 0:
                    raise CortadoError(
                        f"the HDF5 file would grow more than {_MAX_RATIO}-fold; is it damaged?"
                    )
                blobs = {
                    key: StoredBlob.of(found[()], found.shape)
                    for key, (_, found) in datasets.items()
                }
                layers[name] = tuple(blobs.get(i) for i in range(max(blobs, default=-1) + 1))
    except _ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CortadoError(f"the HDF5 file is damaged or truncated: {reason}") from error
    return CaffeWeights(layers)


def most_bytes(size: int) -> int:
    """Return how many bytes the blobs of a file of `size` bytes may have, all together."""
    return max(_PLENTY, _MAX_RATIO * size)


def _groups(file: "h5py.File") -> "Iterator[tuple[str, h5py.Group]]":
    """Yield the layers, without following links to other files."""
    import h5py

    root = file.get("data")
    if not isinstance(root, h5py.Group):
        raise CortadoError("the HDF5 file holds no weights: it has no group 'data'")
    found: list[tuple[str, h5py.Group]] = []

    def visit(name: str, item: object) -> None:
        if name.count("/") > _MAX_DEPTH:
            raise CortadoError("the HDF5 file has groups inside groups without end")
        if isinstance(item, h5py.Group):
            found.append((name, item))

    root.visititems(visit)
    yield from found


def _datasets(group: "h5py.Group", name: str) -> "dict[int, tuple[str, h5py.Dataset]]":
    """Return the blobs of a layer by their numbers, each with its name for errors."""
    import h5py

    links = {key: group.get(key, getlink=True) for key in group}
    datasets = {
        key: group[key]
        for key, link in links.items()
        if isinstance(link, h5py.HardLink) and isinstance(group[key], h5py.Dataset)
    }
    unknown = [key for key in datasets if not (key.isdecimal() and len(key) < 4)]
    if unknown:
        raise CortadoError(f"layer {name!r} has a dataset {unknown[0]!r}, which is no blob")
    return {int(key): (f"layer {name!r}, blob {key}", found) for key, found in datasets.items()}


def _check(dataset: "h5py.Dataset", where: str, data: bytes) -> int:
    """Return how many bytes it takes to read a dataset, whose values must be in the file."""
    if dataset.dtype.kind not in "fiu" or dataset.shape is None:
        raise CortadoError(f"{where} is of type {dataset.dtype}, not of numbers")
    if not _is_standard(dataset):
        raise CortadoError(f"{where} is of a type of numbers of its own")
    if dataset.external or dataset.is_virtual:
        raise CortadoError(f"{where} has its values in another file")
    stored, size = dataset.id.get_storage_size(), dataset.size * dataset.dtype.itemsize
    if len(dataset.shape) > MAX_AXES or not size or not 0 < stored <= len(data):
        raise _lacking(dataset, where)
    if dataset.chunks is None:
        if size > stored:
            raise _lacking(dataset, where)
    else:
        _check_chunks(dataset, where, data)
    return int(dataset.size * max(4, dataset.dtype.itemsize))


def _is_standard(dataset: "h5py.Dataset") -> bool:
    """Return whether the numbers are NumPy's, where HDF5 knows floats of any exponent and bias."""
    import h5py

    return bool(dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype))


def _check_chunks(dataset: "h5py.Dataset", where: str, data: bytes) -> None:
    """Refuse chunks that are missing, or are not of the size that they should have."""
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    if not set(filters) <= _FILTERS or filters.count(_DEFLATE) > 1:
        raise CortadoError(f"{where} is compressed otherwise than by gzip")
    size = prod(dataset.chunks) * dataset.dtype.itemsize
    wanted = prod(-(-n // step) for n, step in zip(dataset.shape, dataset.chunks, strict=True))
    if dataset.id.get_num_chunks() != wanted or size * wanted > max(
        _PLENTY, _MAX_RATIO * len(data)
    ):
        raise _lacking(dataset, where)

    def check(chunk: "h5py.h5d.StoreInfo") -> None:
        raw = data[chunk.byte_offset : chunk.byte_offset + chunk.size]
        if chunk.filter_mask or len(raw) < chunk.size:
            raise _lacking(dataset, where)
        if _DEFLATE in filters and len(zlib.decompressobj().decompress(raw, size + 1)) != size:
            raise _lacking(dataset, where)

    dataset.id.chunk_iter(check)


def _lacking(dataset: "h5py.Dataset", where: str) -> CortadoError:
    return CortadoError(
        f"the HDF5 file is damaged: {where} does not hold the values of its shape "
        f"{list(dataset.shape)[:40]}"
    )
