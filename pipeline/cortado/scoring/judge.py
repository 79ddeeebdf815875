"""A changed model beside the dense one, on the same images."""

import numpy as np
import onnx_ir as ir

from cortado.data import Feed, feed_batches
from cortado.model.onnx_io import serial
from cortado.model.typing import BoolArray, FloatArray, IntArray
from cortado.runtime import Runtime
from cortado.scoring.formulas import is_correct
from cortado.scoring.images import Images
from cortado.task.outputs import main_output

__all__ = ["Judge"]

_BATCH = 250


class Judge:
    """Counts which images a changed model loses.

    Parameters
    ----------
    model : onnx_ir.Model
        The dense model.
    images : Images
        What it is judged on. Without labels, what it chooses is correct.
    runtime : Runtime
        Where the models run.

    Attributes
    ----------
    labels : array of shape (images,), int64
        What is correct.

    Raises
    ------
    CortadoError
        If no output can be scored, or images or labels do not fit the model.
    """

    def __init__(self, model: ir.Model, images: Images, runtime: Runtime = Runtime()) -> None:
        self._images, self._runtime = images, runtime
        scores = self._scores(model)
        self.labels = images.samples.labels if images.labelled else scores.argmax(axis=1)
        self._right = is_correct(scores, self.labels)

    def compare(self, model: ir.Model) -> tuple[int, int]:
        """Return how many images only the dense model gets right, and how many only `model`."""
        losses = self.losses(model)
        return int((losses > 0).sum()), int((losses < 0).sum())

    def losses(self, model: ir.Model) -> IntArray:
        """Return for each image 1 if `model` loses it, −1 if it gains it, else 0."""
        right: BoolArray = is_correct(self._scores(model), self.labels)
        return self._right.astype(np.int64) - right

    def _scores(self, model: ir.Model) -> FloatArray:
        session, feed = self._runtime.open(serial.encode(model)), Feed.of(model)
        images = self._images
        output = main_output(model, session.widths, images.classes, images.head)
        found = []
        for inputs, labels, _ in feed_batches(feed, images.samples, _BATCH):
            scores = session.run({feed.name: inputs})[output]
            found.append(images.check_scores(scores, labels, output))
        return np.concatenate(found)
