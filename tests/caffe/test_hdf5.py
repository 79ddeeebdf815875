"""HDF5 weights beside the same weights in protobuf, both written by Caffe 1.0."""

import builtins
import io
import re
import tracemalloc
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from cortado.caffe import import_caffe, read_weights
from cortado.caffe.hdf5 import read_hdf5
from cortado.errors import CortadoError

DATA = Path(__file__).parent / "data"
REAL = (DATA / "shared_params.caffemodel.h5").read_bytes()


def initializers(suffix):
    text = (DATA / "shared_params.prototxt").read_text()
    weights = read_weights((DATA / f"shared_params.{suffix}").read_bytes())
    found = import_caffe(text, weights).model.graph.initializers
    return {name: value.const_value.numpy() for name, value in found.items()}


def hdf5(write):
    """Return the bytes of a file that `write` fills."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def dataset(name, array, **options):
    return hdf5(lambda file: file.create_dataset(name, data=array, **options))


def test_the_blobs_are_those_of_the_caffemodel():
    """Layers b and d share a weight and a bias; HDF5 has each once, the caffemodel twice."""
    expected, found = initializers("caffemodel"), initializers("caffemodel.h5")
    assert list(found) == list(expected)
    assert list(found)[:4] == ["a.weight", "a.bias", "b.bias", "c.weight"]
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name])


def test_doubles_and_compressed_datasets():
    array = np.arange(12.0).reshape(3, 4)
    for options in ({}, {"compression": "gzip"}):
        (blob,) = read_weights(dataset("data/l/0", array, **options)).layers["l"]
        assert blob.array.dtype == np.float32
        np.testing.assert_array_equal(blob.array, array)


def test_a_missing_blob_is_refused_unless_it_is_shared():
    text = (DATA / "shared_params.prototxt").read_text().replace('param{name:"w"}', "")
    with pytest.raises(CortadoError) as error:
        import_caffe(text, read_weights(REAL))
    assert str(error.value) == (
        "layer 'b' (InnerProduct, line 3): it needs 2 blobs (weight, bias); the weights have 1"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (dataset("x", [1.0]), "the HDF5 file holds no weights: it has no group 'data'"),
        (dataset("data", [1.0]), "the HDF5 file holds no weights: it has no group 'data'"),
        (dataset("data/l/x", [1.0]), "layer 'l' has a dataset 'x', which is no blob"),
        (dataset("data/l/0", b"text"), "layer 'l', blob 0 is of type object, not of numbers"),
        (REAL[:-100], "the HDF5 file is damaged or truncated: .*"),
        (
            hdf5(lambda file: file.create_dataset("data/l/0", (1000, 1000), "f4")),
            "the HDF5 file is damaged: layer 'l', blob 0 does not hold the values of its shape .*",
        ),
        (
            dataset("data/l/0", [], dtype="f4"),
            "the HDF5 file is damaged: layer 'l', blob 0 does not hold .*",
        ),
    ],
)
def test_refusals(data, reason):
    with pytest.raises(CortadoError) as error:
        read_hdf5(data)
    assert re.fullmatch(reason, str(error.value))


def bomb(size):
    """Return a file of one chunk, which is of four values and unpacks to so many bytes."""

    def write(file):
        options = {"shape": (4,), "dtype": "f4", "chunks": (4,), "compression": "gzip"}
        chunks = file.create_dataset("data/l/0", **options)
        chunks.id.write_direct_chunk((0,), zlib.compress(bytes(size), 9))

    return hdf5(write)


def grown(file):
    """Write datasets of zeros that are together far larger than the file."""
    for i in range(9):
        file.create_dataset(f"data/l/{i}", data=np.zeros(2**23, "f4"), compression="gzip")


def strange(file):
    """Write floats of another bias than everybody's."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(100)
    space = h5py.h5s.create_simple((1,))
    h5py.h5d.create(file.create_group("data/l").id, b"0", kind, space).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.ones(1, np.float32)
    )


def deep(file):
    file.create_group("data/" + "a/" * 99)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bomb(2**26), r"layer 'l', blob 0 does not hold the values of its shape \[4\]"),
        (bomb(12), r"layer 'l', blob 0 does not hold the values of its shape \[4\]"),
        (hdf5(grown), "would grow more than 64-fold"),
        (hdf5(strange), "layer 'l', blob 0 is of a type of numbers of its own"),
        (hdf5(deep), "groups inside groups without end"),
        (dataset("data/l/0", np.ones(9), compression="lzf"), "otherwise than by gzip"),
        (
            hdf5(lambda file: file.create_dataset("data/l/0", (10**5, 10**5), "f4", chunks=(9, 9))),
            "blob 0 does not hold the values",
        ),
    ],
)
def test_memory_is_not_allocated_on_the_words_of_a_file(data, reason):
    tracemalloc.start()
    with pytest.raises(CortadoError, match=reason):
        read_hdf5(data)
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


def test_what_is_compressed_well_and_small_is_read():
    zeros = np.zeros((1000, 1000), np.float32)
    (blob,) = read_weights(dataset("data/l/0", zeros, compression="gzip", shuffle=True)).layers["l"]
    np.testing.assert_array_equal(blob.array, zeros)


def test_links_to_other_files_are_not_followed(tmp_path):
    other = tmp_path / "other.h5"
    other.write_bytes(dataset("data/l/0", [1.0]))

    def write(file):
        file.create_group("data/l")
        file["data/l/0"] = h5py.ExternalLink(str(other), "/data/l/0")
        file["data/m"] = h5py.ExternalLink(str(other), "/data/l")

    assert read_weights(hdf5(write)).layers == {"l": ()}


def test_without_h5py_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *arguments, **options):
        if name == "h5py":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(CortadoError, match=r"need h5py: install cortado with its extra caffe"):
        read_weights(REAL)


def test_what_hdf5_does_not_survive_ends_another_process():
    """A header that goes on in itself takes memory until there is none."""
    with pytest.raises(CortadoError, match="the HDF5 file is damaged"):
        read_weights((DATA / "endless.caffemodel.h5").read_bytes())
