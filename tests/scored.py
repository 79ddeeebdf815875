"""Tasks of tests: samples in arrays, bound to a model; cut models, and rows of sweeps."""

import numpy as np

from cortado.data import Feed, labelled_images
from cortado.data.splits import Dataset
from cortado.runtime import Runtime
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.judge import ScoredSamples
from cortado.sensitivity import Row, Swept
from cortado.sensitivity.runner.split_points import cut_network
from nets import mlp, normal


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


def score_of(value):
    """Return a score of one sample, which has this value."""
    metric = swept_on(mlp(), random_images(6, count=1)).task.metric
    return ScoredSamples(metric, np.array([[value]]), metric, np.zeros((1, 1)))


FIGURES = {
    "metric": "accuracy",
    "better": "higher",
    "value": 0.9,
    "dense": 0.92,
    "drop": 0.02,
    "drop_low": -0.01,
    "drop_high": 0.03,
    "drop_variance": 0.0005,
    "ci_low": 0.8,
    "ci_high": 0.95,
    "lost": 3,
    "gained": 1,
    "loss": 0.1,
    "dense_loss": 0.05,
    "divergence": 0.2,
    "samples": 100,
    "seconds": 1.5,
    "seed": 0,
    "weights": 10,
    "zeros": 5,
    "method": "magnitude",
    "against": "targets",
    "data": "mnist",
    "split": "val",
    "total": 100,
    "output": "y",
    "model": "sha256:a",
    "note": "",
}


def made_row(layer="fc1", treatment="prune", level=0.5, **fields):
    """Return a row of a sweep that never ran."""
    return Row(layer=layer, treatment=treatment, level=level, **{**FIGURES, **fields})


def cut(model, *outputs):
    """Return a model, cut in front of its layers."""
    return cut_network(model, Feed.of(model), outputs or ["y"], Runtime())
