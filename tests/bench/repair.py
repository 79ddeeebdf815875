"""One-shot magnitude pruning and its repair, without labels: errors on MNIST, and the time."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.program import cortado, import_net
from tests.bench.row import Row
from tests.support import SHARED

MNIST = str(SHARED / "mnist")
NETS = [
    (
        "dns-lenet300100",
        "original.caffemodel",
        {"ip1": 0.92, "ip2": 0.91, "ip3": 0.74},
        ["--head", "ip3"],
        (0.032, 2.0),
    ),
    (
        "lenet5",
        "lenet_iter_10000.caffemodel",
        {"conv1": 0.34, "conv2": 0.88, "fc1": 0.92, "fc2": 0.81},
        [],
        (0.013, None),
    ),
]


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        dense, cut, done = (str(Path(name) / f"{stem}.onnx") for stem in ("dense", "cut", "done"))
        for folder, weights, sparsities, head, (most, limit) in NETS:
            import_net(folder, weights, Path(dense))
            rates = [word for key, s in sparsities.items() for word in ("--sparsity", f"{key}={s}")]
            cortado("prune", dense, *rates, "-o", cut)
            report, _ = cortado("repair", cut, "--reference", dense, "--data", MNIST, "-o", done)
            before, after = (_error(model, head) for model in (cut, done))
            errors = f"{before:.2%} → {after:.2%}"
            yield Row(f"errors of pruned {folder}", errors, f"≤ {most:.2%}", after <= most)
            if limit is not None:
                seconds = report["seconds"]
                yield Row("its repair [s]", f"{seconds:.2f}", f"≤ {limit:g}", seconds <= limit)


def _error(model: str, head: list[str]) -> float:
    report, _ = cortado("evaluate", model, "--data", MNIST, *head)
    return 1 - report["accuracy"]
