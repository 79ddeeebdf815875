"""Sensitivity sweeps beside brute force, and on a large network.

Brute force is what a user would write: each point as a model of its own, in a session of its own,
with onnxruntime's own threads, on all images. Both run in turns, and medians are compared.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime

from cortado import files
from cortado.data import Feed, Signature, open_data, subset
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.model.typing import FloatArray, IntArray
from cortado.progress import finish
from cortado.prune import prune
from cortado.scoring.bind import bind
from cortado.scoring.formulas import better_than_label
from cortado.sensitivity import SweepOptions, Swept, Table, sweep
from cortado.treatments import Zeros
from tests.bench.program import import_net
from tests.bench.row import Row
from tests.support import SHARED

LAYERS = ("conv1", "conv2", "fc1", "fc2")
SAMPLES, BATCH, TURNS = 5000, 100, 3
RESIDUAL = """
import json, sys, time
from cortado.data import Dataset, labelled_images
from cortado.scoring.bind import bind
from cortado.sensitivity import SweepOptions, Swept, sweep
from sensitivity.residual import Residual
import numpy as np
net = Residual((64, 128, 256, 512), (3, 4, 6, 3), 224, classes=100)
rng = np.random.default_rng(0)
pixels = rng.standard_normal((8, 3, 224, 224)).astype(np.float32)
samples = labelled_images(pixels)
swept = Swept(bind(net.model, Dataset(samples, samples, samples)), samples)
begin, told = time.perf_counter(), []
for progress in sweep(net.model, swept, SweepOptions(treatments={"prune": (0.5, 0.9)}, workers=2)):
    if progress.message:
        told.append(progress.message)
        print(progress.message, file=sys.stderr)
status = open("/proc/self/status").read()
peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
print(json.dumps([net.count + 1, time.perf_counter() - begin, peak, told[len(told) // 2]]))
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "dense.onnx"
        import_net("lenet5", "lenet_iter_10000.caffemodel", path)
        yield from _lenet5(str(path))
    yield from _residual()


def _lenet5(path: str) -> Iterator[Row]:
    model = files.read_model(path)
    data = open_data(str(SHARED / "mnist"), Signature.of(model))
    samples = subset(data.val, SAMPLES)
    swept = Swept(bind(model, data), samples, "mnist")
    ((name, inputs),) = Feed.of(model)(samples.take(np.arange(len(samples)))).items()
    labels = samples.labels
    assert labels is not None  # the digits have them
    times: dict[str, list[float]] = {"sweep": [], "brute force": []}
    for _ in range(TURNS):
        begin = time.perf_counter()
        table = finish(sweep(model, swept, SweepOptions(workers=2)))
        times["sweep"].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        correct = [
            _count(prune(model, [Assignment(layer, rate)]).model, name, inputs, labels)
            for layer in LAYERS
            for rate in Zeros.levels
        ]
        times["brute force"].append(time.perf_counter() - begin)
    same = correct == _correct(table)
    yield Row("LeNet-5, 40 points, correct as in brute force", str(same), "True", same)
    swept, brute = (statistics.median(times[name]) for name in ("sweep", "brute force"))
    yield Row("the same, seconds", f"{swept:.2f} / {brute:.2f}", "", True)
    ratio = brute / swept
    yield Row("the same, times faster", f"{ratio:.1f}", "≥ 3", ratio >= 3)


def _correct(table: Table) -> list[int]:
    points = [row for curve in table.curves for row in curve.rows]
    return [round((row.value or 0) * row.samples) for row in points]


def _count(model: ir.Model, name: str, inputs: FloatArray, labels: IntArray) -> int:
    session = onnxruntime.InferenceSession(serial.encode(model), providers=["CPUExecutionProvider"])
    batches = [slice(i, i + BATCH) for i in range(0, len(inputs), BATCH)]
    scores = [session.run(None, {name: inputs[each]})[0] for each in batches]
    return int(np.sum(better_than_label(np.concatenate(scores), labels) == 0))


def _residual() -> Iterator[Row]:
    root = Path(__file__).resolve().parents[2]
    paths = [str(root / part) for part in ("pipeline", "tools", "tests")]
    program = f"import sys; sys.path[:0] = {paths!r}\n{RESIDUAL}"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    layers, seconds, peak, told = json.loads(done.stdout)
    yield Row(f"residual net of {layers} layers, 224×224, seconds", f"{seconds:.0f}", "", True)
    yield Row("the same, told on the way", told.partition(", ")[2], "", "left" in told)
    yield Row("the same, peak memory, GB", f"{peak / 1e9:.2f}", "≤ 2", peak <= 2e9)
