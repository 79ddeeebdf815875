"""A small data set of 1×6×6 images whose class can be learned, and tasks on such."""

import numpy as np

from cortado.data import Dataset, labelled_images
from cortado.progress import finish
from cortado.runtime import Runtime
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.evaluate import evaluate


def images(count, seed=0, shape=(1, 6, 6)):
    """Return images of three classes, each around its own random pattern."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(7).standard_normal((3, *shape))
    labels = rng.integers(0, 3, count)
    pixels = patterns[labels] + rng.standard_normal((count, *shape))
    return labelled_images(pixels.astype(np.float32), labels)


def dataset(train=40, shape=(1, 6, 6)):
    """Return the images in three parts."""
    return Dataset(images(train, 1, shape), images(30, 2, shape), images(30, 3, shape))


def threefold(samples):
    """Return a data set whose parts are all the same."""
    return Dataset(samples, samples, samples)


def task(model, data=None, runtime=Runtime(), **options):
    """Return the task of a model on some data, by default those of `dataset`."""
    return bind(model, dataset() if data is None else data, TaskOptions(**options), runtime)


def evaluated(model, samples):
    """Return what a model scores on samples."""
    return finish(evaluate(model, task(model, threefold(samples)), samples))
