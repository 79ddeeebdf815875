"""How often `compress --no-train` keeps to --max-drop: on thousands of random validation parts.

The plans are made once, from some training images. Whoever draws validation images from the others
stops at some plan; what it loses on all images that were neither drawn nor used for the plans is
what it really loses.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir

from cortado import files
from cortado.compress import EFFORTS, CompressOptions
from cortado.compress.search import Search, sequence
from cortado.compress.stages import Compression, judge
from cortado.compress.untrained import open_search
from cortado.data import open_data
from cortado.data.samples import Subset
from cortado.progress import finish
from cortado.scoring.bind import bind
from cortado.scoring.judge import Judge
from cortado.stats.noninferior import Limit
from tests.bench.plans import NETS
from tests.bench.program import import_net
from tests.bench.row import Row
from tests.support import SHARED

MAX_DROP, TRIALS = 0.005, 2000


def rows() -> Iterator[Row]:
    for name, (folder, weights) in NETS.items():
        with tempfile.TemporaryDirectory() as place:
            dense = Path(place) / "dense.onnx"
            import_net(folder, weights, dense)
            outcomes = _Outcomes(dense)
        for count in (600, 6000):
            held = np.mean([outcomes.holds(count, seed) for seed in range(TRIALS)])
            what = f"{name}, {count} images choose: drop ≤ {MAX_DROP}"
            yield Row(what, f"{held:.1%} of {TRIALS}", "≥ 95%", bool(held >= 0.95))


class _Outcomes:
    """Which images each plan loses or gains, of those that had no part in making the plans."""

    def __init__(self, path: Path) -> None:
        model, data = files.read_model(str(path)), open_data(str(SHARED / "mnist"))
        options = CompressOptions(max_drop=MAX_DROP, train=False)
        task = bind(model, data)
        job = Compression.of(task, options, EFFORTS[options.effort])
        dense = finish(judge(job, "dense", model, None))
        self._search: Search = finish(open_search(job, dense))[0]
        used = np.concatenate([self._search.fitted.indices, self._search.guide.indices])
        others = np.setdiff1d(np.arange(len(data.train)), used)
        self._judges = [Judge(task, part) for part in (Subset(data.train, others), data.val)]
        self._dense = self._right(model)
        self._changes: dict[int, np.ndarray] = {}
        self._places: dict[int, int] = {}

    def holds(self, count: int, seed: int) -> bool:
        """Return whether the plan that random images choose keeps to the limit on all others."""
        limit = Limit(MAX_DROP, count, "binary")
        chosen = np.zeros(len(self._dense), bool)
        chosen[np.random.default_rng(seed).permutation(len(chosen))[:count]] = True
        taken = None
        for place in sequence(self._likely(count), len(self._search.chain)):
            changes = self._changes_of(place)
            lost, gained = (int((changes[chosen] == change).sum()) for change in (1, -1))
            if not limit.holds(lost, gained):
                break
            taken = place
        return taken is None or self._changes_of(taken)[~chosen].mean() <= MAX_DROP

    def _likely(self, count: int) -> int:
        if count not in self._places:
            search = replace(self._search, limit=Limit(MAX_DROP, count, "binary"))
            self._places[count] = finish(search.likely())
        return self._places[count]

    def _changes_of(self, place: int) -> np.ndarray:
        """Return 1 for each image that a plan loses, and −1 for each that it gains."""
        if place not in self._changes:
            right = self._right(finish(self._search.model(place)))
            self._changes[place] = self._dense.astype(np.int8) - right
        return self._changes[place]

    def _right(self, model: ir.Model) -> np.ndarray:
        """Return whether each image is right, the training images first."""
        parts = [judge.score(model).parts[:, 0] for judge in self._judges]
        return np.concatenate(parts).astype(bool)
