"""The images of a Caffe database, read when they are taken.

Images are in the order of the keys. A record is read and decoded each time it is taken, and only
its label is kept, so that a database may be larger than memory. Encoded images are decoded as
Caffe does, to BGR, unless the model says that it takes RGB; others are taken as they are stored.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cortado import files
from cortado.caffe.datum import label_of, read_datum
from cortado.data.images import ImageForm, decode_image
from cortado.data.samples import Batch, Samples
from cortado.databases import Records, open_records
from cortado.errors import CortadoError
from cortado.model.typing import Array, IntArray

__all__ = ["is_database", "open_database"]

_LMDB, _LEVELDB = "data.mdb", "CURRENT"


def is_database(path: str) -> bool:
    """Tell whether a directory holds an LMDB or a LevelDB."""
    return not {_LMDB, _LEVELDB}.isdisjoint(files.list_names(path))


def open_database(path: str, form: ImageForm) -> Samples:
    """Return the images of the database in the directory `path`.

    Raises
    ------
    CortadoError
        If it is empty or damaged; damaged records are found when they are read.
    """
    records = open_records(path, lmdb=_LMDB in files.list_names(path))
    if not len(records):
        raise CortadoError(f"the database {path} is empty")
    return _DatabaseSamples(path, records, ImageForm(form.channels, None, form.order))


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
        if labels.min() < 0:
            raise CortadoError(f"{self._name(int(labels.argmin()))} has a label that is negative")
        return labels

    def take(self, indices: IntArray) -> Batch:
        """Read some of the images, which must be of one size."""
        images, labels = [], []
        for i in indices.tolist():
            with self._naming(i):
                image, label = self._read(i)
            images.append(image)
            labels.append(label)
            if image.shape != images[0].shape:
                sizes = (" × ".join(map(str, shape)) for shape in (image.shape, images[0].shape))
                raise CortadoError("{} is {}, others are {}".format(self._name(i), *sizes))
        return Batch(np.stack(images).astype(np.float32), np.array(labels, np.int64))

    def _read(self, index: int) -> tuple[Array, int]:
        datum = read_datum(self.records[index])
        if datum.pixels is not None:
            return datum.pixels, datum.label
        return decode_image(datum.encoded, self.form, upright=False), datum.label

    @contextmanager
    def _naming(self, index: int) -> Iterator[None]:
        """Begin errors with the record that they are about."""
        try:
            yield
        except CortadoError as error:
            raise CortadoError(f"{self._name(index)} is damaged: {error}") from error

    def _name(self, index: int) -> str:
        return f"{self.path}: record {index} ({self.records.key(index)})"
