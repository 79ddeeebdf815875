"""One-shot magnitude pruning and its repair, without labels: errors on MNIST, time, and memory.

The large network has values of 1.2 GB between its layers on all images, in each of both models.
"""

import json
import subprocess
import sys
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

LARGE = """
import json, time
import numpy as np
from onnx import helper
from cortado.data import labelled_images
from cortado.model.layers.selector import Assignment
from cortado.prune import prune
from cortado.repair import repair
from cortado.progress import finish
from nets import build, decoded
rng = np.random.default_rng(0)
nodes, weights, channels, last = [], {}, 3, "x"
for i in range(6):
    shape = (64, channels, 3, 3)
    scale = np.sqrt(2 / (9 * channels))
    weights[f"c{i}.weight"] = (scale * rng.standard_normal(shape)).astype(np.float32)
    stride = 1 if i else 2
    sizes = dict(pads=[1] * 4, strides=[stride] * 2)
    nodes.append(helper.make_node("Conv", [last, f"c{i}.weight"], [f"h{i}"], f"c{i}", **sizes))
    nodes.append(helper.make_node("Relu", [f"h{i}"], [f"r{i}"]))
    channels, last = 64, f"r{i}"
nodes.append(helper.make_node("GlobalAveragePool", [last], ["y"]))
dense = decoded(build(nodes, weights, {"x": ["N", 3, 224, 224]}, {"y": ["N", 64, 1, 1]}))
images, held = (
    labelled_images(rng.integers(0, 256, (n, 3, 224, 224), np.uint8))
    for n in (256, 128)
)
begin = time.perf_counter()
found = finish(repair(prune(dense, [Assignment("*", 0.7)]).model, dense, images, held))
status = open("/proc/self/status").read()
peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
print(json.dumps([time.perf_counter() - begin, peak, found.kept]))
"""


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
    yield from _large()


def _large() -> Iterator[Row]:
    root = Path(__file__).resolve().parents[2]
    paths = [str(root / part) for part in ("pipeline", "tests")]
    program = f"import sys; sys.path[:0] = {paths!r}\n{LARGE}"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    seconds, peak, kept = json.loads(done.stdout)
    yield Row("6 convolutions at 112×112, 384 images, seconds", f"{seconds:.0f}", "", bool(kept))
    yield Row("the same, peak memory, GB", f"{peak / 1e9:.2f}", "≤ 2", peak <= 2e9)


def _error(model: str, head: list[str]) -> float:
    report, _ = cortado("evaluate", model, "--data", MNIST, *head)
    return 1 - report["accuracy"]
