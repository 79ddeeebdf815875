"""Calibration: the range of tensors inside a model, on real samples.

The tensors become outputs of a copy of the model, which runs in onnxruntime; the smallest and
the largest element of all samples are kept, as onnxruntime's own MinMaxCalibrater does.
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
    model: ir.Model, samples: Samples, runtime: Runtime = Runtime(), *, raw: bool = False
) -> Steps[dict[str, Range]]:
    """Return the range of every tensor that the convolutions of a model need.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    samples : Samples
        Such as the model will see; their targets are not used.
    runtime : Runtime
        Where the model runs.
    raw : bool
        Feed arrays as they are, whatever transform the model stores.

    Raises
    ------
    CortadoError
        If the samples do not fit the inputs, or a tensor is not finite.
    """
    known = {x.name for node in model.graph for x in node.outputs} | {
        value.name for value in model.graph.inputs if not value.is_initializer()
    }  # what is inside a node such as If cannot be watched
    names = [name for name in tensors_to_watch(find_layers(model).prunable) if name in known]
    if not names:
        return {}
    feed = Feed.of(model, raw=raw)
    session = runtime.open(serial.encode(expose(model, names)))
    ranges: dict[str, Range] = {}
    done = 0
    for fed in feed_batches(feed, samples, _BATCH):
        tensors = session.run(fed.inputs) | fed.inputs
        ranges = {name: _widened(ranges.get(name), tensors[name], name) for name in names}
        done += len(fed.indices)
        yield Progress("calibrate", done, len(samples))
    return ranges


def _widened(known: Range | None, tensor: FloatArray, name: str) -> Range:
    low, high = (float(tensor.min()), float(tensor.max())) if tensor.size else (0.0, 0.0)
    if not np.isfinite([low, high]).all():
        raise CortadoError(f"the tensor {name} is NaN or infinite on the samples of --data")
    if known is None:
        return Range(low, high)
    return Range(min(known.low, low), max(known.high, high))
