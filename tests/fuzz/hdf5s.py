"""Damaged HDF5 weights: refused, or read to values that stand in the file.

The format has one library, so that no other reader can say what a damaged header means, and nothing
guards values but the checksum that one of the seeds has. What is judged is what has an answer:
every value is a number of the file, at the place and of the type that its dataset has, and where
nothing but values was damaged, the rest is as it was. What the library does not survive, a process
beside has to find out first.
"""

import functools
import io
import os
import resource
from pathlib import Path
from random import Random

import h5py
import numpy as np

from cortado.caffe.hdf5 import read_hdf5
from cortado.caffe.hdf5_trial import attempt
from cortado.errors import CortadoError
from fuzz.damage import chunk, damage

REAL = Path(__file__).parents[1] / "caffe" / "data" / "shared_params.caffemodel.h5"
MAGIC = b"\x89HDF\r\n\x1a\n"


@functools.cache
def seeds() -> tuple[bytes, ...]:
    """Return a file that Caffe wrote, one of several types, and a compressed one with checksums."""
    rng = np.random.default_rng(0)

    def types(file):
        for i, kind in enumerate(("<f4", ">f8", "<f2", "<i4", "u1")):
            array = np.abs(rng.standard_normal((3, 4)) * 9).astype(kind)
            file.create_dataset(f"data/a/b/{i}", data=array)

    def checked(file):
        array = rng.standard_normal((10, 12)).astype("f4")
        options = {"compression": "gzip", "shuffle": True, "fletcher32": True, "chunks": (4, 6)}
        file.create_dataset("data/l/0", data=array, **options)
        file.create_dataset("data/l/1", data=array[0], chunks=(6,), compression="gzip")

    return (REAL.read_bytes(), written(types), written(checked), written(types, libver="latest"))


def written(write, **options) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        write(file)
    return buffer.getvalue()


@functools.cache
def blobs(seed: int) -> dict[str, tuple[int, int]]:
    """Return where the values of each plain dataset of a seed begin, and their bytes."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.chunks is None:
            found[name] = item.id.get_offset(), item.id.get_storage_size()

    with h5py.File(io.BytesIO(seeds()[seed])) as file:
        file["data"].visititems(visit)
    return found


def make(number: int) -> tuple[int, bool, bytes]:
    """Return a seed's number, whether nothing but values was damaged, and the file."""
    rng = Random(f"hdf5 {number}")
    seed = rng.randrange(len(seeds()))
    data = seeds()[seed]
    way = rng.randrange(4)
    if way == 0 and blobs(seed):
        begin, size = rng.choice(list(blobs(seed).values()))
        start, stop = chunk(data[begin : begin + size], rng)
        new = rng.randbytes(stop - start)
        return seed, True, data[: begin + start] + new + data[begin + stop :]
    if way == 1:
        return seed, False, MAGIC + damage(data[len(MAGIC) :], rng)
    used = [i for i in range(len(MAGIC), len(data)) if data[i]]  # most of a small file is empty
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.choice(used) + rng.choice((0, 0, 0, 1, -1))
        new = rng.choice([0, 1, 2, 4, 8, 127, 128, 255, rng.randrange(256)])
        data = data[:at] + bytes([new]) + data[at + 1 :]
    return seed, False, data


def judge(case: tuple[int, bool, bytes]) -> None:
    seed, only_values, data = case
    try_in_fork(data)
    found = read_hdf5(data)
    for layer, arrays in found.layers.items():
        for i, blob in enumerate(arrays):
            if blob is not None:
                check_values(data, f"{layer}/{i}", blob.array)
    if only_values:
        whole = read_hdf5(seeds()[seed]).layers
        assert list(found.layers) == list(whole), "other layers"
        for name, (begin, size) in blobs(seed).items():
            layer, _, i = name.rpartition("/")
            if data[begin : begin + size] == seeds()[seed][begin : begin + size]:
                same = found.layers[layer][int(i)].array, whole[layer][int(i)].array
                assert np.array_equal(*same, equal_nan=True), f"{name}: other values"


def try_in_fork(data: bytes) -> None:
    """Do as `try_hdf5`, which would start Python for every case."""
    process = os.fork()
    if not process:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os._exit(1 if attempt(data) else 0)
    if os.waitpid(process, 0)[1]:
        raise CortadoError("refused, or not survived")


def check_values(data: bytes, name: str, array: np.ndarray) -> None:
    """Compare what was read with the bytes of the file."""
    with h5py.File(io.BytesIO(data)) as file:
        dataset = file["data"][name]
        begin = dataset.id.get_offset()
        if begin is None:  # compressed, or within a header
            return
        values = np.frombuffer(data, dataset.dtype, dataset.size, begin)
    with np.errstate(over="ignore", invalid="ignore"):
        values = values.astype(np.float32).reshape(array.shape)
    assert np.array_equal(array, values, equal_nan=True), f"{name}: other values"
