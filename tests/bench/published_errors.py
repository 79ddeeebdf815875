"""The five MNIST nets that Caffe trained: their errors of 10,000, after import."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.program import cortado, import_net
from tests.bench.row import Row
from tests.support import SHARED

NETS = [
    ("lenet5", "lenet_iter_10000.caffemodel", 92),
    ("dns-lenet5", "original.caffemodel", 91),
    ("dns-lenet5", "sparse.caffemodel", 91),
    ("dns-lenet300100", "original.caffemodel", 228),
    ("dns-lenet300100", "sparse.caffemodel", 199),
]


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "model.onnx"
        for folder, weights, expected in NETS:
            import_net(folder, weights, model)
            report, _ = cortado("evaluate", str(model), "--data", str(SHARED / "mnist"))
            errors = report["samples"] - report["correct"]
            what = f"errors of {folder}/{weights.removesuffix('.caffemodel')}"
            yield Row(what, str(errors), str(expected), errors == expected)
