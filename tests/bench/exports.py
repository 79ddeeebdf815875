"""Every family of networks, by both PyTorch exporters, at every opset that they write."""

from collections.abc import Iterator

import numpy as np
import onnx
import torch

from cortado.bridge import to_torch
from cortado.model.onnx_io.serial import decode
from tests.bench.row import Row
from tests.bridge.agreement import run_onnx
from tests.bridge.exporting import CURRENT_OPSETS, TRACED_OPSETS, current, traced
from tests.bridge.families import FAMILIES, build, sample

_LIMIT = 1e-5  # of the largest magnitude of the output


def rows() -> Iterator[Row]:
    for exporter, opsets in ((traced, TRACED_OPSETS), (current, CURRENT_OPSETS)):
        for opset in opsets:
            errors = [_error(exporter, family, opset) for family in FAMILIES]
            found = [error for error in errors if error is not None]
            what = f"{exporter.__name__} opset {opset}: {len(found)} families, beside onnxruntime"
            yield Row(what, f"{max(found):.1e}", f"<= {_LIMIT:.0e}", max(found) <= _LIMIT)


def _error(exporter, family: type[torch.nn.Module], opset: int) -> float | None:
    """Return the largest difference beside onnxruntime's; None where the exporter gives up."""
    net, x = build(family)
    try:
        proto: onnx.ModelProto = exporter(net, x, opset)
    except (RuntimeError, torch.onnx.errors.OnnxExporterError):
        return None
    model = decode(proto.SerializeToString(), "the export")
    batch = sample(family, 5)
    (expected,) = run_onnx(model, batch.numpy())
    actual = to_torch(model).eval()(batch).detach().numpy()
    return float(np.abs(actual - expected).max() / np.abs(expected).max())
