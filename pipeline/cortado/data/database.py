"""The images of a Caffe database, read when they are taken.

Images are in the order of the keys. Those of a small database are read once and kept; of another
one a record is read each time it is taken, and only its label is kept, so that a database may be
larger than memory. Encoded images are decoded as
Caffe does, to BGR, unless the model says that it takes RGB, and are as large as they are stored but
for a resize of the shorter side, with its crop, that the model wants. Others are taken as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cortado import files
from cortado.caffe.datum import label_of, read_datum
from cortado.data.forms import DataForm, Wanted, directories
from cortado.data.images import ImageForm, decode_image
from cortado.data.records import Records, open_records
from cortado.data.samples import IMAGE, TARGET, ArraySamples, Batch, Samples, labelled_images
from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, IntArray

__all__ = ["DATABASE", "is_database", "open_database"]

_LMDB, _LEVELDB = "data.mdb", "CURRENT"
_SMALL = 2**30  # bytes of pixels


def is_database(path: str) -> bool:
    """Return whether a directory holds an LMDB or a LevelDB."""
    return not {_LMDB, _LEVELDB}.isdisjoint(files.list_names(path))


def open_database(path: str, form: ImageForm) -> Samples:
    """Return the images of the database in the directory `path`.

    Raises
    ------
    CortadoError
        If it is empty or damaged; damaged records of a large one are found when they are read.
    """
    records = open_records(path, lmdb=_LMDB in files.list_names(path))
    if not len(records):
        raise CortadoError(f"the database {path} is empty")
    samples = _DatabaseSamples(path, records, replace(form, size=None))
    return samples.kept() if samples.is_small() else samples


@dataclass(frozen=True)
class _DatabaseSamples:
    path: str
    records: Records
    form: ImageForm

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def labels(self) -> IntArray:
        """All labels; reads the head of every record once."""
        labels = np.empty(len(self.records), np.int64)
        for i in range(len(labels)):
            with self._naming(i):
                labels[i] = label_of(self.records[i])
        self._check_labels(labels)
        return labels

    @property
    def alike(self) -> IntArray | None:
        """None: the images have one size."""
        return None

    def take(self, indices: IntArray) -> Batch:
        """Read some of the images, which must be of one size."""
        pairs = [self._read(i) for i in indices.tolist()]
        for i, (image, _) in zip(indices.tolist(), pairs, strict=True):
            self._check_shape(i, image.shape, pairs[0][0].shape)
        images, labels = zip(*pairs, strict=True)
        return Batch({IMAGE: np.stack(images)}, {TARGET: np.array(labels, np.int64)})

    def is_small(self) -> bool:
        """Return whether all records fit in memory, as the first suggests; encoded ones stay so."""
        with self._naming(0):
            first = read_datum(self.records[0]).pixels
        return first is not None and first.nbytes * len(self) <= _SMALL

    def kept(self) -> ArraySamples:
        """Read all images, which must be of one size."""
        shape = self._read(0)[0].shape
        pixels: Array = np.empty((len(self), *shape), np.uint8)
        labels = np.empty(len(self), np.int64)
        for i in range(len(self)):
            image, labels[i] = self._read(i)
            self._check_shape(i, image.shape, shape)
            if image.dtype != pixels.dtype:
                pixels = pixels.astype(np.float32, copy=False)
            pixels[i] = image
        self._check_labels(labels)
        return labelled_images(pixels, labels)

    def _read(self, index: int) -> tuple[Array, int]:
        with self._naming(index):
            datum = read_datum(self.records[index])
            if datum.pixels is not None:
                return datum.pixels, datum.label
            return decode_image(datum.encoded, self.form, upright=False), datum.label

    def _check_shape(self, index: int, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        if found != wanted:
            sizes = [show_shape(shape) for shape in (found, wanted)]
            raise CortadoError(f"{self._name(index)} is {sizes[0]}, others are {sizes[1]}")

    def _check_labels(self, labels: IntArray) -> None:
        if labels.min() < 0:
            raise CortadoError(f"{self._name(int(labels.argmin()))} has a label that is negative")

    @contextmanager
    def _naming(self, index: int) -> Iterator[None]:
        """Begin errors with the record that they are about."""
        try:
            yield
        except CortadoError as error:
            raise CortadoError(f"{self._name(index)} is damaged: {error}") from error

    def _name(self, index: int) -> str:
        return f"{self.path}: record {index} ({self.records.key(index)})"


def _open(path: str, wanted: Wanted) -> Samples:
    return open_database(path, wanted.signature.form)


DATABASE = DataForm(
    "a directory of databases (LMDB, LevelDB)", directories(is_database), _open, is_part=True
)
