"""Small nets with what Caffe 1.0 (CPU) made of them, packed in `data`.

A file ``*.json`` lists the cases: the layers, and the shapes of inputs, blobs and outputs. Beside
it ``*.npz`` holds their values, one after the other in that order: `given` the inputs and blobs
in eighths, `made` the outputs.
"""

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from caffe.running import NO_WEIGHTS, caffemodel
from cortado.caffe import read_caffemodel

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Recorded:
    name: str
    layers: str
    inputs: dict
    blobs: dict
    outputs: dict

    @property
    def weights(self):
        return read_caffemodel(caffemodel(self.blobs)) if self.blobs else NO_WEIGHTS

    def prototxt(self, batch=None):
        """Return the net, for another batch size than Caffe ran it with if one is given."""
        lines = []
        for name, array in self.inputs.items():
            sizes = array.shape if batch is None else (batch, *array.shape[1:])
            dims = " ".join(f"dim: {size}" for size in sizes)
            lines.append(
                f'layer {{ name: "{name}" type: "Input" top: "{name}" '
                f"input_param {{ shape {{ {dims} }} }} }}"
            )
        return "\n".join([*lines, self.layers])


class _Reader:
    def __init__(self, values):
        self.values, self.start = values, 0

    def __call__(self, shape):
        values = self.values[self.start : self.start + prod(shape)]
        self.start += prod(shape)
        return values.astype(np.float32).reshape(shape)


def recorded(name):
    """Return the cases of one pair of files."""
    with np.load(DATA / f"{name}.npz") as arrays:
        given, made = _Reader(arrays["given"] / 8), _Reader(arrays["made"])
    return [
        Recorded(
            case["name"],
            case["layers"],
            {key: given(shape) for key, shape in case["inputs"].items()},
            {key: [given(shape) for shape in shapes] for key, shapes in case["blobs"].items()},
            {key: made(shape) for key, shape in case["outputs"].items()},
        )
        for case in json.loads((DATA / f"{name}.json").read_text())
    ]


def check(results, case):
    """Assert that a model's outputs are those of Caffe: the names, the shapes, the values."""
    assert list(results) == list(case.outputs)
    for name, expected in case.outputs.items():
        assert results[name].shape == expected.shape, name
        finite = expected[np.isfinite(expected)]
        scale = np.abs(finite).max() if finite.size else 0
        np.testing.assert_allclose(results[name], expected, rtol=0, atol=1e-5 * scale)
