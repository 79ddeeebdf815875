"""One run of a model on inputs that are made up, to see whether a change of its form shows."""

import numpy as np
import onnx_ir as ir

from cortado.model.onnx_io import serial
from cortado.model.typing import Array
from cortado.runtime import Runtime

__all__ = ["run_probe"]

_BATCH = 2
_OPEN_SIZE = 32  # of an axis behind the batch that the model leaves open


def run_probe(model: ir.Model) -> dict[str, Array]:
    """Return the outputs of a model for random float inputs and zeros of any other type."""
    inputs = [value for value in model.graph.inputs if not value.is_initializer()]
    feeds = {str(value.name): _made_up(value) for value in inputs}
    return Runtime().open(serial.encode(model)).run(feeds)


def _made_up(value: ir.Value) -> Array:
    opened = [_BATCH, *[_OPEN_SIZE] * 10]
    sizes = zip(value.shape or (), opened, strict=False)
    shape = [size if isinstance(size, int) else default for size, default in sizes]
    dtype = (value.dtype or ir.DataType.FLOAT).numpy()
    if not np.issubdtype(dtype, np.floating):
        return np.zeros(shape, dtype)
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)
