"""Bytes of a .caffemodel.h5 → the blobs of each layer.

    /data/<layer>/<i>    blob i of the layer, a dataset of the blob's shape

A blob that shares another's parameter by name is absent: only its owner stores it.

Source: BVLC/caffe net.cpp (ToHDF5, CopyTrainedLayersFromHDF5) and hdf5.cpp.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cortado.caffe.caffemodel import CaffeWeights, StoredBlob
from cortado.caffe.graph import MAX_AXES
from cortado.errors import CAFFE_EXTRA, CortadoError

if TYPE_CHECKING:
    import h5py

__all__ = ["SIGNATURE", "read_hdf5"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of every HDF5 file."""

_ERRORS = (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError)
_DEFLATE_RATIO = 1032  # how many times smaller the compression can make a dataset


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
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            for name, group in _groups(file):
                layers[name] = _blobs(group, name)
    except _ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CortadoError(f"the HDF5 file is damaged or truncated: {reason}") from error
    return CaffeWeights(layers)


def _groups(file: "h5py.File") -> "Iterator[tuple[str, h5py.Group]]":
    """Yield the layers, without following links to other files."""
    import h5py

    root = file.get("data")
    if not isinstance(root, h5py.Group):
        raise CortadoError("the HDF5 file holds no weights: it has no group 'data'")
    found: list[tuple[str, h5py.Group]] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Group):
            found.append((name, item))

    root.visititems(visit)
    yield from found


def _blobs(group: "h5py.Group", name: str) -> tuple[StoredBlob | None, ...]:
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
    blobs = {
        int(key): _blob(dataset, f"layer {name!r}, blob {key}") for key, dataset in datasets.items()
    }
    return tuple(blobs.get(i) for i in range(max(blobs, default=-1) + 1))


def _blob(dataset: "h5py.Dataset", where: str) -> StoredBlob:
    if dataset.dtype.kind not in "fiu" or dataset.shape is None:
        raise CortadoError(f"{where} is of type {dataset.dtype}, not of numbers")
    if dataset.external or dataset.is_virtual:
        raise CortadoError(f"{where} has its values in another file")
    ratio = 1 if dataset.chunks is None else _DEFLATE_RATIO
    size = dataset.size * dataset.dtype.itemsize
    if len(dataset.shape) > MAX_AXES or not 0 < size <= ratio * dataset.id.get_storage_size():
        raise CortadoError(
            f"the HDF5 file is damaged: {where} does not hold the values of its shape "
            f"{list(dataset.shape)[:40]}"
        )
    return StoredBlob.of(dataset[()], dataset.shape)
