"""Images alone: for what compares a model with another, and asks for no labels.

``file.npy``     one array of images
``file.npz``     ``x`` and no labels
any data set     of ``--data``; its labels are not used

Pixels are 0…255, as in every source.
"""

import numpy as np

from cortado.data.arrays import read_arrays
from cortado.data.images import ImageForm
from cortado.data.samples import ArraySamples, Samples
from cortado.data.sources import check_pixels, open_data
from cortado.data.splits import divide

__all__ = ["open_images", "read_unlabelled"]

_HELD_FRACTION = 0.1


def open_images(spec: str, form: ImageForm = ImageForm()) -> tuple[Samples, Samples]:
    """Return the images that a ``--data`` option names: to fit on, and to check with.

    Of a data set those are its training and its validation images; of images without labels, a
    tenth is held out with a seed that never changes. `form` is what image files are turned into.

    Raises
    ------
    CortadoError
        If there is no such source, or its files are damaged.
    """
    samples = read_unlabelled(spec)
    if samples is None:
        dataset = open_data(spec, form)
        return dataset.train, dataset.val
    return divide(samples, _HELD_FRACTION)


def read_unlabelled(spec: str) -> Samples | None:
    """Return the images of a file without labels; None if `spec` is no such file."""
    if not spec.endswith((".npy", ".npz")):
        return None
    arrays = read_arrays(spec)
    if set(arrays) != {"x"}:
        return None
    pixels = check_pixels(arrays["x"], spec)
    return ArraySamples(pixels, np.zeros(len(pixels), np.int64))
