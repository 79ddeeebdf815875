"""Images alone: for what compares a model with another, and asks for no labels.

``file.npy``     one array of images
``file.npz``     ``x`` and no labels
any data set     of ``--data``; its labels are not used

Pixels are 0…255, as in every source.
"""

import io

import numpy as np

from cortado import files
from cortado.data.samples import ArraySamples, Samples
from cortado.data.sources import DAMAGED_ARCHIVE, check_pixels, open_data
from cortado.data.splits import divide
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["open_images"]

_HELD_FRACTION = 0.1


def open_images(spec: str) -> tuple[Samples, Samples]:
    """Return the images that a ``--data`` option names: to fit on, and to check with.

    Of a data set those are its training and its validation images; of images without labels, a
    tenth is held out with a seed that never changes.

    Raises
    ------
    CortadoError
        If there is no such source, or its files are damaged.
    """
    pixels = _read_pixels(spec) if spec.endswith((".npy", ".npz")) else None
    if pixels is None:
        dataset = open_data(spec)
        return dataset.train, dataset.val
    pixels = check_pixels(pixels, spec)
    return divide(ArraySamples(pixels, np.zeros(len(pixels), np.int64)), _HELD_FRACTION)


def _read_pixels(path: str) -> Array | None:
    """Return the array of a file without labels; None if it is a data set with labels."""
    try:
        stored = np.load(io.BytesIO(files.read(path)), allow_pickle=False)
        if isinstance(stored, np.ndarray):
            return stored
        with stored:
            return stored["x"] if stored.files == ["x"] else None
    except DAMAGED_ARCHIVE as error:
        raise CortadoError(f"{path} is no file of arrays, or is damaged: {error}") from error
