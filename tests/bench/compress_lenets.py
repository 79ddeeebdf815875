"""`cortado compress` on the two LeNets: seconds, zeros, shared values, errors on test images."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.program import cortado, import_net
from tests.bench.row import Row
from tests.support import SHARED


def rows() -> Iterator[Row]:
    yield from _lenet5()
    yield from _lenet300100()


def _lenet5() -> Iterator[Row]:
    report, seconds = _compress("lenet5", "lenet_iter_10000.caffemodel", [])
    accuracy = report["test"]["file"]["accuracy"]
    yield Row("LeNet-5, seconds", f"{seconds:.0f}", "≤ 360", seconds <= 360)
    yield _zeros("LeNet-5", report, 0.992)
    yield _values("LeNet-5", report)
    yield Row("LeNet-5, test accuracy", f"{accuracy:.2%}", "≥ 98.90%", accuracy >= 0.989)
    size = report["bytes"]["file"]
    yield Row("LeNet-5, bytes of the file", f"{size:,}", "≤ 8,000", size <= 8000)


def _lenet300100() -> Iterator[Row]:
    arguments = ["--effort", "max", "--min-accuracy", "0.978"]
    report, seconds = _compress("dns-lenet300100", "original.caffemodel", arguments)
    errors = report["test"]["file"]["samples"] - report["test"]["file"]["correct"]
    yield Row("LeNet-300-100, seconds", f"{seconds:.0f}", "≤ 180", seconds <= 180)
    yield _zeros("LeNet-300-100", report, 0.98)
    yield _values("LeNet-300-100", report)
    yield Row("LeNet-300-100, test errors of 10,000", str(errors), "≤ 228", errors <= 228)


def _compress(folder: str, weights: str, arguments: list[str]) -> tuple[dict, float]:
    with tempfile.TemporaryDirectory() as name:
        model, small = Path(name) / "model.onnx", Path(name) / "small.onnx"
        import_net(folder, weights, model)
        data = str(SHARED / "mnist")
        return cortado("compress", str(model), "--data", data, "-o", str(small), *arguments)


def _zeros(net: str, report: dict, limit: float) -> Row:
    found = report["sparsity"]
    return Row(f"{net}, zeros of all weights", f"{found:.2%}", f"≥ {limit:.1%}", found >= limit)


def _values(net: str, report: dict) -> Row:
    found = max(layer["distinct"] for layer in report["layers"])
    return Row(f"{net}, values in a layer, most", str(found), "≤ 16", found <= 16)
