"""Plans for half a point of accuracy: what they foretell, and what other images show.

A plan is chosen on validation images, and looked at on the test images, which the models were not
trained on. How often an interval holds is counted twice: for plans of all sizes on the test images,
and on many draws of 6,000 training images to measure and choose on, with 6,000 others to look at.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir

from cortado import files
from cortado.data import Dataset, Signature, open_data
from cortado.data.splits import SplitName
from cortado.model.typing import IntArray
from cortado.plan import Plan, bits_of, make_plans, prune_by_plan
from cortado.progress import finish
from cortado.quantize import quantize
from cortado.scoring.bind import bind
from cortado.scoring.judge import Judge
from cortado.sensitivity import Table, read_table
from cortado.stats.paired import binary_drop
from tests.bench.program import cortado, import_net
from tests.bench.row import Row
from tests.support import SHARED

NETS = {
    "LeNet-5": ("lenet5", "lenet_iter_10000.caffemodel"),
    "LeNet-300-100": ("dns-lenet300100", "original.caffemodel"),
}
MAX_DROP = 0.005
MNIST = str(SHARED / "mnist")
PLANS = 16  # of a chain
DRAWS, DRAWN = 2000, 6000


def rows() -> Iterator[Row]:
    for name, (folder, weights) in NETS.items():
        with tempfile.TemporaryDirectory() as place:
            dense, table = Path(place) / "dense.onnx", str(Path(place) / "s.csv")
            import_net(folder, weights, dense)
            kinds = ("--kind", "prune", "--kind", "bits", "--bits", "2,3,4,5")
            _run("sensitivity", str(dense), "--data", MNIST, *kinds, "-o", table)
            yield from _plan(name, Path(place), str(dense), table)
            model = files.read_model(str(dense))
            yield from _forecasts(name, model, finish(make_plans(model, _read(table))))


def _plan(name: str, place: Path, dense: str, table: str) -> Iterator[Row]:
    plan, pruned, small = (str(place / n) for n in ("plan.json", "p.onnx", "s.onnx"))
    limits = ("--max-drop", str(MAX_DROP), "-o", plan)
    _run("plan", table, "--model", dense, "--data", MNIST, *limits)
    cortado("prune", dense, "--plan", plan, "-o", pruned)
    cortado("quantize", pruned, "--plan", plan, "-o", small)
    expected = json.loads(Path(plan).read_text())["expected"]
    accuracies = [
        cortado("evaluate", path, "--data", MNIST)[0]["accuracy"] for path in (dense, small)
    ]
    drop = accuracies[0] - accuracies[1]
    size = f"{expected['bytes']:,.0f}"
    yield Row(f"{name}, plan for {MAX_DROP}, bytes of weights", size, "", True)
    low, high = expected["drop_low"], expected["drop_high"]
    limit = f"{low:.4f} to {high:.4f}"
    yield Row("the same, drop on test images", f"{drop:.4f}", limit, low <= drop <= high)


def _forecasts(name: str, model: ir.Model, chain: Sequence[Plan]) -> Iterator[Row]:
    data = open_data(MNIST, Signature.of(model))
    gentle = [plan for plan in chain if (plan.expected.drop or 0.0) <= 2 * MAX_DROP]
    plans = [_spread(chain), _spread(gentle)]
    seen, new = (_losses(model, data, split, plans[0]) for split in ("val", "test"))
    held = [_holds(*pair) for pair in zip(seen, new, strict=True)]
    share = f"{sum(held)} of {len(held)}"
    yield Row(f"{name}, plans that hold on test images", share, "≥ 95 %", np.mean(held) >= 0.95)
    fixed, above, chosen = _draws(_losses(model, data, "train", plans[1]))
    yield Row("drops of 6,000 other images within", f"{fixed:.1%}", "≥ 95 %", fixed >= 0.95)
    yield Row("the same, drops above the upper end", f"{above:.1%}", "≤ 2.5 %", above <= 0.025)
    yield Row(
        f"the same within, of plans chosen for {MAX_DROP}",
        f"{chosen:.1%}",
        "≥ 95 %",
        chosen >= 0.95,
    )


def _spread(chain: Sequence[Plan]) -> list[Plan]:
    """Return some plans of a chain but its first, in equal steps."""
    return [chain[i] for i in np.linspace(1, len(chain) - 1, PLANS).astype(int)]


def _losses(model: ir.Model, data: Dataset, split: SplitName, plans: Sequence[Plan]) -> IntArray:
    """Return what each plan does to each image, of shape (plans, images): 1 lost, −1 gained."""
    judge = Judge(bind(model, data), data.split(split))
    models = (prune_by_plan(model, plan).model for plan in plans)
    found = [
        judge.score(quantize(pruned, bits_of(plan, model)).model).parts[:, 0]
        for plan, pruned in zip(plans, models, strict=True)
    ]
    return (judge.dense.parts[:, 0] - np.array(found)).astype(np.int64)


def _holds(seen: IntArray, new: IntArray) -> bool:
    _, low, high = _predict(seen)
    return low <= new.mean() <= high


def _predict(losses: IntArray) -> tuple[float, float, float]:
    found = binary_drop(int((losses > 0).sum()), int((losses < 0).sum()), len(losses))
    return found.mean, found.low, found.high


def _draws(losses: IntArray) -> tuple[float, float, float]:
    """Return how often intervals hold, lie too low, and hold for the smallest plan that fits."""
    rng = np.random.default_rng(0)
    within, above, chosen = [], [], []
    for _ in range(DRAWS):
        order = rng.permutation(losses.shape[1])
        seen, new = losses[:, order[:DRAWN]], losses[:, order[DRAWN : 2 * DRAWN]]
        intervals = np.array([_predict(plan) for plan in seen])
        drops = new.mean(axis=1)
        held = (intervals[:, 1] <= drops) & (drops <= intervals[:, 2])
        within.append(held.mean())
        above.append((drops > intervals[:, 2]).mean())
        fitting = np.flatnonzero(intervals[:, 2] <= MAX_DROP)
        chosen += list(held[fitting[-1:]])
    return float(np.mean(within)), float(np.mean(above)), float(np.mean(chosen))


def _read(path: str) -> Table:
    return read_table(Path(path).read_bytes(), path)


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "cortado_cli", *arguments, "-q"], check=True)
