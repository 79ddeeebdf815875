"""Calibration: the range of tensors inside a model, on real images.

The tensors become outputs of a copy of the model, which runs in onnxruntime; the smallest and
the largest element of all images are kept, as onnxruntime's own MinMaxCalibrater does.
"""

import numpy as np
import onnx_ir as ir

from cortado.data import Feed, Samples, feed_batches
from cortado.errors import CortadoError
from cortado.integer_kernels.convolutions import tensors_to_watch
from cortado.integer_kernels.options import Range
from cortado.model.graph.exposed import expose
from cortado.model.layers.prunable import find_layers
from cortado.model.onnx_io import serial
from cortado.model.typing import FloatArray
from cortado.progress import Progress, Steps
from cortado.runtime import Runtime

__all__ = ["calibrate"]

_BATCH = 32


def calibrate(
    model: ir.Model, samples: Samples, runtime: Runtime = Runtime()
) -> Steps[dict[str, Range]]:
    """Return the range of every tensor that the convolutions of a model need.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is, with one image input.
    samples : Samples
        Images such as the model will see; their labels are not used.
    runtime : Runtime
        Where the model runs.

    Raises
    ------
    CortadoError
        If the images do not fit the input, or a tensor is not finite.
    """
    known = {x.name for node in model.graph for x in node.outputs} | {
        value.name for value in model.graph.inputs if not value.is_initializer()
    }  # what is inside a node such as If cannot be watched
    names = [name for name in tensors_to_watch(find_layers(model).prunable) if name in known]
    if not names:
        return {}
    feed = Feed.of(model)
    session = runtime.open(serial.encode(expose(model, names)))
    ranges: dict[str, Range] = {}
    for fed in feed_batches(feed, samples, _BATCH):
        tensors = session.run(fed.inputs) | fed.inputs
        ranges = {name: _widened(ranges.get(name), tensors[name], name) for name in names}
        yield Progress("calibrate", int(fed.indices[-1]) + 1, len(samples))
    return ranges


def _widened(known: Range | None, tensor: FloatArray, name: str) -> Range:
    low, high = float(tensor.min()), float(tensor.max())
    if not np.isfinite([low, high]).all():
        raise CortadoError(f"the tensor {name} is NaN or infinite on the images of --data")
    if known is None:
        return Range(low, high)
    return Range(min(known.low, low), max(known.high, high))
