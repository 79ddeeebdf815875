"""Plans for half a point of accuracy: chosen on validation images, looked at on the test images."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.program import cortado, import_net
from tests.bench.row import Row
from tests.support import SHARED

NETS = {
    "LeNet-5": ("lenet5", "lenet_iter_10000.caffemodel"),
    "LeNet-300-100": ("dns-lenet300100", "original.caffemodel"),
}
MAX_DROP = "0.005"


def rows() -> Iterator[Row]:
    for name, (folder, weights) in NETS.items():
        with tempfile.TemporaryDirectory() as place:
            dense = Path(place) / "dense.onnx"
            import_net(folder, weights, dense)
            yield from _plan(name, Path(place), str(dense), str(SHARED / "mnist"))


def _plan(name: str, place: Path, dense: str, data: str) -> Iterator[Row]:
    table, plan, pruned, small = (
        str(place / n) for n in ("s.csv", "plan.json", "p.onnx", "s.onnx")
    )
    kinds = ("--kind", "prune", "--kind", "bits", "--bits", "2,3,4,5")
    _run("sensitivity", dense, "--data", data, *kinds, "-o", table)
    _run("plan", table, "--model", dense, "--data", data, "--max-drop", MAX_DROP, "-o", plan)
    cortado("prune", dense, "--plan", plan, "-o", pruned)
    cortado("quantize", pruned, "--plan", plan, "-o", small)
    expected = json.loads(Path(plan).read_text())["expected"]
    accuracies = [
        cortado("evaluate", path, "--data", data)[0]["accuracy"] for path in (dense, small)
    ]
    drop = accuracies[0] - accuracies[1]
    yield Row(
        f"{name}, plan for {MAX_DROP}, bytes of weights", f"{expected['bytes']:,.0f}", "", True
    )
    low, high = expected["drop_low"], expected["drop_high"]
    limit = f"{low:.4f} to {high:.4f}"
    yield Row("the same, drop on test images", f"{drop:.4f}", limit, low <= drop <= high)


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "cortado_cli", *arguments, "-q"], check=True)
