"""A small data set of 1×6×6 images whose class can be learned."""

import numpy as np

from cortado.data import ArraySamples, Dataset


def images(count, seed=0, shape=(1, 6, 6)):
    """Return images of three classes, each around its own random pattern."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(7).standard_normal((3, *shape))
    labels = rng.integers(0, 3, count)
    pixels = patterns[labels] + rng.standard_normal((count, *shape))
    return ArraySamples(pixels.astype(np.float32), labels)


def dataset(train=40, shape=(1, 6, 6)):
    """Return the images in three parts."""
    return Dataset(images(train, 1, shape), images(30, 2, shape), images(30, 3, shape))
