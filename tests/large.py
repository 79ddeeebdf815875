"""Importing large caffemodels in a process of its own: how long it takes, and its peak memory."""

import re
import subprocess
import sys
import time

import numpy as np

from cortado.caffe.writer import LayerBlobs, write_caffemodel

PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
# What a child inherits from its parent is in getrusage, but not in its own status.
PROGRAM = """
import sys
from cortado_cli.main import cli
cli.main(sys.argv[1:], standalone_mode=False)
print(open("/proc/self/status").read())
"""


def import_net(net, weights, output):
    """Import a net; return the seconds that it took and the bytes that it needed at once."""
    command = [sys.executable, "-c", PROGRAM, "import", net, weights, "-q", "-o", output]
    begin = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    return seconds, 1024 * int(PEAK.search(done.stdout)[1])


def write_random(path, shapes, zeros=0.5):
    """Write a caffemodel: layer → shape of its weight; biases are as long as its first axis.

    The weights that are zero are negative zeros, as masks leave them.
    """
    generator = np.random.default_rng(0)
    layers = []
    for name, shape in shapes.items():
        weight = generator.standard_normal(shape, np.float32)
        weight *= generator.random(shape, np.float32) >= zeros
        layers.append(LayerBlobs(name, "", (weight, np.zeros(shape[0], np.float32))))
    path.write_bytes(write_caffemodel("net", layers))
