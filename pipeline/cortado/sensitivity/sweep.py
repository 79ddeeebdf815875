"""The sweep: the dense model, then the points, wave by wave.

Each wave walks through the samples once. Its rows are handed on as soon as it is done. With
`within` or `floor` a wave goes in rounds of some hundred samples; between two of them points
that are known well enough leave. Figures are computed of all samples in their order, whoever
measured them: threads and processes change nothing but the time.
"""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import attrgetter

import onnx_ir as ir

from cortado.distributed import Group
from cortado.errors import CortadoError
from cortado.model.hashing import hash_model
from cortado.model.typing import FloatArray
from cortado.progress import Progress, Steps
from cortado.sensitivity.columns import Identity, Row
from cortado.sensitivity.curves import ROUNDS, bends
from cortado.sensitivity.options import SweepOptions
from cortado.sensitivity.points import Point, change, grid, select
from cortado.sensitivity.rows import Rows
from cortado.sensitivity.runner.measure import Baseline, Measure
from cortado.sensitivity.runner.split_points import Cut, Network, cut_network
from cortado.sensitivity.swept import Swept
from cortado.sensitivity.table import Table
from cortado.sensitivity.tally import Tally
from cortado.sensitivity.waves import stacks, waves
from cortado.treatments import treatment_named

__all__ = ["sweep"]

Keep = Callable[[Sequence[Row]], None]


def sweep(
    model: ir.Model,
    swept: Swept,
    options: SweepOptions = SweepOptions(),
    known: Sequence[Row] = (),
    keep: Keep | None = None,
    group: Group = Group(),
    source: str = "the table",
) -> Steps[Table]:
    """Measure the sensitivity of each layer.

    Parameters
    ----------
    model : onnx_ir.Model
        The dense model; left as it is.
    swept : Swept
        What points are measured on and by.
    options : SweepOptions
        The points, and when one is done.
    known : sequence of Row
        Rows of an earlier run; points are measured again only where these stopped too early for
        today's options.
    keep : callable, optional
        Is given the rows of each wave when it is done.
    group : Group
        The processes that divide the points; by default this one alone.
    source : str
        Where `known` is from, for the messages of errors.

    Raises
    ------
    CortadoError
        If there is no layer to sweep, or `known` is of another model, of other samples, of
        another metric or another method.
    """
    task = swept.task
    network = cut_network(model, task.feed, task.names, task.runtime, task.axes)
    chosen = {layer.key for layer in select([cut.layer for cut in network.cuts], options.selectors)}
    cuts = [cut for cut in network.cuts if cut.layer.key in chosen]
    rows = Rows(_identity(model, swept), options, [cut.layer for cut in cuts], task)
    _check_known(rows, known, source)
    with ThreadPoolExecutor(options.workers) as pool:
        measure = Measure(network, cuts, swept, options, pool)
        dense = yield from measure.dense()
        run = _Run(network, cuts, rows, measure, dense, keep, group, list(known))
        run.open()
        yield from run.points(grid(len(cuts), options))
        for _ in range(ROUNDS if options.adaptive else 0):
            yield from run.points(run.bends())
    return Table(tuple(run.found), mended=False)


def _identity(model: ir.Model, swept: Swept) -> Identity:
    metric = swept.task.metric
    return Identity(
        hash_model(model),
        swept.data,
        swept.split,
        len(swept.samples),
        metric.name,
        "higher" if metric.higher_is_better else "lower",
        metric.against,
        swept.output,
    )


def _check_known(rows: Rows, known: Iterable[Row], source: str) -> None:
    options = rows.options
    for row in known:
        if row.identity != rows.identity:
            raise CortadoError(f"{source} has rows {row.identity.difference(rows.identity)}")
        own = rows.selection(row.treatment)
        if row.treatment in options.treatments and (row.method, row.seed) != own:
            raise CortadoError(
                f"{source} has rows of another method: {row.method} (seed {row.seed}), "
                f"not {options.method} (seed {options.seed}); each has a table of its own"
            )


@dataclass
class _Run:
    """A sweep on its way: what it needs, and the rows so far."""

    network: Network
    cuts: Sequence[Cut]
    rows: Rows
    measure: Measure
    dense: Baseline
    keep: Keep | None
    group: Group
    found: list[Row] = field(default_factory=list)

    def open(self) -> None:
        """Begin the table with the dense model and with what can't be swept."""
        first = [self.rows.dense(self.dense.tally), *self.rows.skipped(self.network.skipped)]
        known = {(row.layer, row.treatment) for row in self.found}
        self._hand_on([row for row in first if (row.layer, row.treatment) not in known])

    def bends(self) -> list[Point]:
        """Return the points that the curves lack."""
        curves: dict[tuple[int, str], list[Row]] = {}
        places = {cut.layer.name: place for place, cut in enumerate(self.cuts)}
        for row in self.found:
            own = (row.method, row.seed) == self.rows.selection(row.treatment)
            if own and row.layer in places and row.treatment in self.rows.options.treatments:
                curves.setdefault((places[row.layer], row.treatment), []).append(row)
        return [
            Point(place, name, level)
            for (place, name), curve in curves.items()
            for level in bends(curve, treatment_named(name))
        ]

    def points(self, points: Iterable[Point]) -> Steps[None]:
        """Measure those points that no row is there of yet."""
        known = {row.key for row in self.found if self._holds(row)}
        missing = [point for point in sorted(points) if self.rows.key_of(point) not in known]
        seconds, dense = self.group.gather(self._seconds())[0]  # one clock: the same waves for all
        clock = _Clock(sum(seconds[point.place] for point in missing))
        for wave in waves(self.network, self.cuts, self._stacks(missing), seconds, dense):
            tried = list(chain.from_iterable(wave))
            cost = sum(seconds[point.place] for point in tried)
            for part in self._wave(wave):
                yield clock.progress(part * cost)
            clock.done += cost
            yield clock.progress(0, self._names(tried))

    def _stacks(self, points: Iterable[Point]) -> list[tuple[Point, ...]]:
        return [
            stack
            for place, alike in groupby(points, attrgetter("place"))
            for stack in stacks(list(alike), self.measure.stacks[self.cuts[place]])
        ]

    def _holds(self, row: Row) -> bool:
        """Return whether a row is as exact as today's options ask."""
        if row.ci_low is None or row.ci_high is None or row.samples == row.total:
            return True
        return self.rows.options.suffices(
            row.ci_low, row.ci_high, higher_is_better=row.higher_is_better
        )

    def _wave(self, wave: Sequence[tuple[Point, ...]]) -> Generator[float, None, None]:
        """Measure a wave and hand its rows on; yield the part of it that is done."""
        changed: dict[Point, FloatArray | str] = {}
        weights: dict[Cut, dict[Point, FloatArray]] = {}
        for point in chain.from_iterable(wave[self.group.rank :: self.group.size]):
            cut = self.cuts[point.place]
            array = changed[point] = change(cut.layer, point, self.rows.options)
            if not isinstance(array, str):
                weights.setdefault(cut, {})[point] = array
        tallies: Mapping[Point, Tally] = {}
        if weights:
            tallies = yield from self.measure.points(weights)
        mine = {
            point: self.rows.without(point, array)
            if isinstance(array, str)
            else self.rows.point(point, array, tallies[point], self.dense.tally)
            for point, array in changed.items()
        }
        together = {point: row for part in self.group.gather(mine) for point, row in part.items()}
        self._hand_on([together[point] for stack in wave for point in stack])

    def _hand_on(self, rows: Sequence[Row]) -> None:
        again = {row.key for row in rows}
        self.found = [row for row in self.found if row.key not in again] + list(rows)
        if self.keep is not None and self.group.rank == 0:
            self.keep(rows)

    def _seconds(self) -> tuple[list[float], float]:
        """Return what a point of each layer takes this machine, and the dense model."""
        workers = self.rows.options.workers
        points = [self.dense.behind[cut] / workers / self.group.size for cut in self.cuts]
        return points, self.dense.seconds / workers

    def _names(self, wave: Sequence[Point]) -> str:
        names = dict.fromkeys(self.cuts[point.place].layer.name for point in wave)
        layers = f"{next(iter(names))} … {list(names)[-1]}" if len(names) > 1 else next(iter(names))
        return f"{layers}: {len(wave)} point" + "s" * (len(wave) > 1)


class _Clock:
    """Finished and remaining work, in estimated seconds.

    Parameters
    ----------
    total : float
        Of all points.
    """

    def __init__(self, total: float) -> None:
        self.done = 0.0
        self._total = total
        self._begin = time.monotonic()

    def progress(self, more: float, message: str = "") -> Progress:
        """Return how far the sweep is, `more` after `done`; with a message, say so in it."""
        done = self.done + more
        if message:
            spent = time.monotonic() - self._begin
            left = spent * (self._total - done) / done if done else 0.0
            message += f", {spent:.1f} s so far, about {max(left, 0.0):.0f} s left"
        thousandths = 1000 if done >= self._total else int(1000 * done / self._total)
        return Progress("points", thousandths, 1000, (), message)
