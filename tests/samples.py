"""Samples as tests see them: pixels beside labels."""

from typing import NamedTuple

import numpy as np

from cortado.data import IMAGE, TARGET


class Seen(NamedTuple):
    """Images and their labels."""

    pixels: np.ndarray
    labels: np.ndarray


def seen(batch):
    """Return the images and labels of a batch."""
    return Seen(batch.inputs[IMAGE], batch.targets[TARGET])


def everything(samples):
    """Return all images and labels of some samples."""
    return seen(samples.take(np.arange(len(samples))))
