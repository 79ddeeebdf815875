"""Tasks of tests: samples in arrays, bound to a model."""

import numpy as np

from cortado.data import labelled_images
from cortado.data.splits import Dataset
from cortado.scoring.task import TaskOptions, bind
from cortado.sensitivity import Swept
from nets import normal


def undivided(samples):
    """Return a data set whose parts are all of the samples."""
    return Dataset(samples, samples, samples, samples)


def swept_on(model, samples, **options):
    """Return what a sweep of a model on some samples needs; `options` are those of the task."""
    return Swept(bind(model, undivided(samples), TaskOptions(**options)), samples, "made", "val")


def random_images(*shape, classes=3, count=300, seed=1, labelled=True):
    rng = np.random.default_rng(seed)
    pixels, labels = normal(rng, count, *shape), rng.integers(0, classes, count)
    return labelled_images(pixels, labels if labelled else None)
