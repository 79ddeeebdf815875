"""Integer kernels: a fully connected layer beside its float32 file, and LeNet-5's accuracy.

The layer is one of VGG's size, with random weights; both files run in the same process, an image
at a time.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.bench.program import cortado, import_net
from tests.bench.row import Row
from tests.support import SHARED

SIZE = 4096


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_layer(folder / "dense.onnx")
        for kernel, bits in (("int8", "8"), ("int4", "4")):
            yield from _layer(folder, kernel, bits)
    with tempfile.TemporaryDirectory() as name:
        yield from _lenet5(Path(name))


def _layer(folder: Path, kernel: str, bits: str) -> Iterator[Row]:
    dense, pruned, shared, small = (
        str(folder / f"{name}.onnx") for name in ("dense", "pruned", f"shared{bits}", kernel)
    )
    cortado("prune", dense, "--sparsity", "0.9", "-o", pruned)
    cortado("quantize", pruned, "--bits", bits, "--grid", "uniform", "-o", shared)
    report, _ = cortado("emit", shared, "--kernel", kernel, "-o", small)
    (layer,) = report["kernel"]["layers"]
    what = f"{kernel}, extra error of a weight on a uniform grid"
    yield Row(what, f"{layer['max_error']:g}", "0", layer["exact"])
    report, _ = cortado("validate", small, "--reference", dense, "--time")
    (reference,), (model,) = report["reference"], report["model"]
    seconds = [reference["latency_seconds"], model["latency_seconds"]]
    what = f"{kernel}, {SIZE}×{SIZE} beside float32, milliseconds"
    found = " / ".join(f"{1e3 * value:.3f}" for value in reversed(seconds))
    yield Row(what, found, "", True)
    ratio = model["speedup"]
    yield Row(f"{kernel}, times faster than float32", f"{ratio:.1f}", "≥ 6", ratio >= 6)


def _lenet5(folder: Path) -> Iterator[Row]:
    dense, data = folder / "dense.onnx", str(SHARED / "mnist")
    import_net("lenet5", "lenet_iter_10000.caffemodel", dense)
    for kernel, extra in (("int8", ["--data", data]), ("int4", [])):
        small = str(folder / f"{kernel}.onnx")
        cortado("emit", str(dense), "--kernel", kernel, *extra, "-o", small)
        report, _ = cortado("evaluate", small, "--data", data)
        errors = report["samples"] - report["correct"]
        what = f"{kernel}, test errors of LeNet-5 (float32: 92)"
        yield Row(what, str(errors), "≤ 102", errors <= 102)


def _write_layer(path: Path) -> None:
    weights = np.random.default_rng(0).laplace(size=(SIZE, SIZE)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "fc.weight"], ["y"], "fc")],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", SIZE])],
        [numpy_helper.from_array(weights / np.float32(SIZE), "fc.weight")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
