"""Coded files: how small they are, and what it costs to load them.

The two LeNets are Dynamic Network Surgery's, pruned by Caffe; AlexNet is made here, with Caffe's
shapes, the densities of Deep Compression's table 4, and as many shared values. Loading is measured
in fresh processes, which load the dense and the coded file in turns.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from tests.bench.program import cortado, import_net
from tests.bench.row import Row
from tests.support import SHARED

ROUNDS = 5

LENETS = [("dns-lenet5", 7500), ("dns-lenet300100", 7500)]

ALEXNET = [  # shape, fraction of weights that are left, shared values
    ("conv1", (96, 3, 11, 11), 0.84, 256),
    ("conv2", (256, 48, 5, 5), 0.38, 256),
    ("conv3", (384, 256, 3, 3), 0.35, 256),
    ("conv4", (384, 192, 3, 3), 0.37, 256),
    ("conv5", (256, 192, 3, 3), 0.37, 256),
    ("fc6", (4096, 9216), 0.09, 32),
    ("fc7", (4096, 4096), 0.09, 32),
    ("fc8", (1000, 4096), 0.25, 32),
]

CONVOLUTIONS = {  # stride, padding, groups, and whether 3×3 pooling follows
    "conv1": (4, 0, 1, True),
    "conv2": (1, 2, 2, True),
    "conv3": (1, 1, 1, False),
    "conv4": (1, 1, 2, False),
    "conv5": (1, 1, 2, True),
}

LOADER = r"""
import json, pathlib, re, sys, time
import numpy as np, onnxruntime
path, source = sys.argv[1:]
begin = time.perf_counter()
model = open(path, "rb").read() if source == "bytes" else path
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
seconds = time.perf_counter() - begin
status = pathlib.Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\s*(\d+)", status)[1])  # ru_maxrss knows the parent's peak too
pixels = {"data": np.random.default_rng(0).random((1, 3, 227, 227), np.float32)}
times = []
for _ in range(15):
    begin = time.perf_counter()
    session.run(None, pixels)
    times.append(time.perf_counter() - begin)
print(json.dumps([seconds, peak, float(np.median(times))]))
"""


def rows() -> Iterator[Row]:
    for folder, limit in LENETS:
        yield from _lenet(folder, limit)
    yield from _alexnet()


def _lenet(folder: str, limit: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        model, shared, small = (Path(name) / f"{stage}.onnx" for stage in "abc")
        import_net(folder, "sparse.caffemodel", model)
        cortado("quantize", str(model), "--bits", "4", "-o", str(shared))
        cortado("emit", str(shared), "--storage", "coded", "-o", str(small))
        data = ["--data", str(SHARED / "mnist")]
        report, _ = cortado("validate", str(small), "--reference", str(shared), *data)
        size = small.stat().st_size
    wrong = {key: figures[0]["samples"] - figures[0]["correct"] for key, figures in report.items()}
    yield Row(f"{folder}, bytes of the file", f"{size:,}", f"≤ {limit:,}", size <= limit)
    yield Row(
        f"{folder}, errors of the file in onnxruntime",
        str(wrong["model"]),
        f"{wrong['reference']}, as before it was coded",
        wrong["model"] == wrong["reference"],
    )


def _alexnet() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        dense, small = Path(name) / "dense.onnx", Path(name) / "small.onnx"
        weights = _make_weights()
        onnx.save(_make_alexnet(weights), dense)
        _, seconds = cortado("emit", str(dense), "--storage", "coded", "-o", str(small))
        size, bound = small.stat().st_size, sum(map(_entropy_bytes, weights.values()))
        over, smaller = size / bound, dense.stat().st_size / size
        found = f"{size:,}: {over:.3f}"
        yield Row("AlexNet, bytes of the file, beside its entropy", found, "≤ 1.05", over <= 1.05)
        yield Row("AlexNet, times smaller than dense", f"{smaller:.1f}", "≥ 35", smaller >= 35)
        yield Row("AlexNet, seconds of emit", f"{seconds:.1f}", "≤ 60", seconds <= 60)
        left = _left_of_decoder(dense, small, Path(name))
        yield Row("AlexNet, nodes of the decoder left at run time", str(left), "0", left == 0)
        for source in ("path", "bytes"):
            yield from _beside_dense(dense, small, source)


def _beside_dense(dense: Path, small: Path, source: str) -> Iterator[Row]:
    """Compare load time, peak memory, and inference time of one image."""
    runs = [[_load(path, source) for path in (dense, small)] for _ in range(ROUNDS)]
    plain, coded = np.median(np.array(runs), axis=0)
    measured = zip(("load time", "peak memory", "inference time"), plain, coded, strict=True)
    units = (1, "s"), (2**20, "GiB"), (1e-3, "ms")
    for (what, one, other), limit, (unit, symbol) in zip(
        measured, (4, 1.5, 1.1), units, strict=True
    ):
        ratio = other / one
        found = f"{other / unit:.2f}/{one / unit:.2f} {symbol}: {ratio:.2f}"
        name = f"AlexNet from {source}, {what}, coded/dense"
        yield Row(name, found, f"≤ {limit}", bool(ratio <= limit))


def _load(path: Path, source: str) -> tuple[float, float, float]:
    """Return the seconds of loading, the peak memory in KiB, and the seconds of an inference."""
    arguments = [sys.executable, "-c", LOADER, str(path), source]
    output = subprocess.run(arguments, check=True, capture_output=True).stdout
    seconds, peak, inference = json.loads(output)
    return seconds, peak, inference


def _left_of_decoder(dense: Path, small: Path, folder: Path) -> int:
    """Return how many nodes more than the dense file the coded one has once it is optimised."""
    counts = []
    for path in (dense, small):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folder / "optimised.onnx")
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        graph = onnx.load(folder / "optimised.onnx").graph
        counts.append(len(graph.node))
    return counts[1] - counts[0]


def _make_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: _make_weight(rng, *layer) for name, *layer in ALEXNET}


def _make_weight(
    rng: np.random.Generator, shape: tuple[int, ...], density: float, values: int
) -> np.ndarray:
    """Return Laplacian weights, the smallest zero, the others on a linear grid without zero."""
    weight = rng.laplace(scale=0.01, size=shape).astype(np.float32)
    magnitudes = np.abs(weight)
    left = magnitudes > np.quantile(magnitudes, 1 - density)
    grid = np.linspace(weight.min(), weight.max(), values, dtype=np.float32)
    grid[grid == 0] = np.finfo(np.float32).tiny
    step = grid[1] - grid[0]
    nearest = np.rint((weight - grid[0]) / step).astype(np.int64).clip(0, values - 1)
    return np.where(left, grid[nearest], np.float32(0))


def _entropy_bytes(weight: np.ndarray) -> float:
    """Return what the best code takes that treats weights one by one: mask, then values."""
    _, counts = np.unique(weight[weight != 0], return_counts=True)
    mask = np.array([weight.size - counts.sum(), counts.sum()])
    return (_entropy_bits(mask) + _entropy_bits(counts)) / 8


def _entropy_bits(counts: np.ndarray) -> float:
    return float((counts * np.log2(counts.sum() / counts)).sum())


def _make_alexnet(weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    nodes: list[onnx.NodeProto] = []
    value = "data"

    def add(op_type: str, *inputs: str, name: str, **attributes: object) -> str:
        nodes.append(helper.make_node(op_type, inputs, [name], name, **attributes))
        return name

    for name, weight in weights.items():
        inputs = value, f"{name}.weight", f"{name}.bias"
        if name in CONVOLUTIONS:
            stride, pad, groups, pooled = CONVOLUTIONS[name]
            window = {"strides": [stride] * 2, "pads": [pad] * 4, "group": groups}
            value = add("Conv", *inputs, name=name, kernel_shape=weight.shape[2:], **window)
            value = add("Relu", value, name=f"{name}.relu")
            if pooled:
                pool = {"kernel_shape": [3, 3], "strides": [2, 2]}
                value = add("MaxPool", value, name=f"{name}.pool", **pool)
        else:
            if name == "fc6":
                inputs = add("Flatten", value, name="flat"), *inputs[1:]
            value = add("Gemm", *inputs, name=name, transB=1)
            if name != "fc8":
                value = add("Relu", value, name=f"{name}.relu")
    initializers = [
        numpy_helper.from_array(array, f"{name}.{kind}")
        for name, weight in weights.items()
        for kind, array in (("weight", weight), ("bias", np.zeros(len(weight), np.float32)))
    ]
    sides = ("data", ["N", 3, 227, 227]), (value, ["N", 1000])
    inputs, outputs = (
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)]
        for name, shape in sides
    )
    graph = helper.make_graph(nodes, "AlexNet", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
