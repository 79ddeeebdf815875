"""How much memory an import needs, in a process of its own."""

import os
import sys

import pytest

from cli.program import process_environment
from large import import_net, write_random

NET = """
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: {0} }} }} }}
layer {{ name: "fc1" type: "InnerProduct" bottom: "data" top: "fc1"
        inner_product_param {{ num_output: {0} }} }}
layer {{ name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2"
        inner_product_param {{ num_output: {0} }} }}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_import_has_its_weights_in_memory_twice(tmp_path, monkeypatch):
    """Once as they are read and once as they are kept; then kept, and as they are written."""
    monkeypatch.setattr(os, "environ", process_environment())
    peaks, sizes = [], []
    for width in (16, 2900):
        net, weights = tmp_path / f"{width}.prototxt", tmp_path / f"{width}.caffemodel"
        net.write_text(NET.format(width))
        write_random(weights, {"fc1": (width, width), "fc2": (width, width)})
        peaks.append(import_net(net, weights, tmp_path / "out.onnx")[1])
        sizes.append(weights.stat().st_size)
    assert sizes[1] > 67_000_000
    assert peaks[1] - peaks[0] < 2.3 * sizes[1]
