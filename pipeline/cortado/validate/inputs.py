"""The inputs of both models: samples of the data, or random numbers."""

import numpy as np
import onnx_ir as ir

from cortado.data import Batch, Feed
from cortado.data.adapters import InputAdapter
from cortado.model.typing import Array
from cortado.validate.options import ValidateOptions

__all__ = ["inputs_of"]

_OPEN_SIZE = 32  # pixels along an axis that the model leaves open, where there is no data


def inputs_of(model: ir.Model, options: ValidateOptions, count: int) -> dict[str, Array]:
    """Return the first samples of the data, or random numbers, the same every time."""
    if options.samples is not None and options.task is not None:
        feed = options.task.for_model(model).feed
        alike = options.samples.alike
        known = np.arange(len(options.samples))
        known = known if alike is None else np.flatnonzero(alike == alike[0])
        number = feed.limit(options.samples) or count
        return feed(options.samples.take(np.resize(known, number)))
    feed, generator = Feed.of(model, raw=True), np.random.default_rng(0)
    number = feed.batch or count
    return feed(Batch({a.name: _random(a, number, generator) for a in feed.required}))


def _random(adapter: InputAdapter, count: int, generator: np.random.Generator) -> Array:
    """Return normal numbers, or zeros and ones of integers, of the shape of an input."""
    shape = [_OPEN_SIZE if size is None else size for size in adapter.shape]
    if shape:
        shape[0] = count
    if adapter.dtype.kind == "f":
        return generator.standard_normal(shape).astype(adapter.dtype)
    return generator.integers(0, 2, shape).astype(adapter.dtype)
