"""Validating a file against a reference: outputs, accuracy and latency in onnxruntime.

What is loaded is the file itself, in its stored form, on each execution provider; the
reference runs on one. With a an output of the file and b that of the reference,

    absolute difference = max |a − b|
    relative difference = max |a − b| / max |b|

over all elements, for the same images: those of the data, or random ones without data.
Latencies of all files are taken in turns, so that a machine that slows down slows all of them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import onnx_ir as ir

from cortado.data import Batch, Feed, Samples
from cortado.data.adapters import InputAdapter
from cortado.errors import CortadoError, LimitNotMetError
from cortado.model.onnx_io import serial
from cortado.model.typing import Array
from cortado.progress import Steps
from cortado.runtime import Runtime, Session
from cortado.scoring.evaluate import Evaluation, evaluate_session
from cortado.scoring.task import Task

__all__ = [
    "Candidate",
    "Latency",
    "Limits",
    "OutputDifference",
    "ProviderFigures",
    "ValidateOptions",
    "Validation",
    "check_limits",
    "validate",
]

_SAMPLES = 16  # for the comparison of outputs
_OPEN_SIZE = 32  # pixels along an axis that the model leaves open, where there is no data
_RUNS = 50
_WARM_UP_RUNS = 5
_ROUNDING = 1e-9  # images: a limit of 0.002 is 20 of 10,000, and not 19.999999999999996


@dataclass(frozen=True)
class Candidate:
    """A file: its bytes as onnxruntime loads them, and the model that they hold."""

    data: bytes
    model: ir.Model


@dataclass(frozen=True)
class ValidateOptions:
    """What to measure.

    Attributes
    ----------
    runtimes : tuple of Runtime
        Where the file runs.
    task : Task or None
        What the metric is; None measures none.
    samples : Samples or None
        The samples that it is measured on, the test part of a data set.
    latency_batch : int
        Samples a batch for the latency; 0 measures none.
    reference_runtime : Runtime
        Where the reference runs.
    """

    runtimes: tuple[Runtime, ...] = (Runtime(),)
    task: Task | None = None
    samples: Samples | None = None
    latency_batch: int = 0
    reference_runtime: Runtime = Runtime()

    @classmethod
    def of_test(cls, task: Task) -> "ValidateOptions":
        """Measure the metric of a task on the whole test part, where the task runs."""
        return cls((task.runtime,), task, task.data.test, reference_runtime=task.runtime)


@dataclass(frozen=True)
class OutputDifference:
    """The largest difference of one output, as it is and relative to the output's scale."""

    output: str
    absolute: float
    relative: float


@dataclass(frozen=True)
class Latency:
    """Seconds a run of one batch: the median and the quartiles of all runs."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class ProviderFigures:
    """What was measured of one file on one provider."""

    provider: str
    differences: tuple[OutputDifference, ...] = ()
    evaluation: Evaluation | None = None
    latency: Latency | None = None


@dataclass(frozen=True)
class Limits:
    """What a file must hold to; None is no limit.

    Attributes
    ----------
    atol, rtol : float or None
        The largest absolute and relative difference of an output.
    max_drop : float or None
        How much worse the metric may be than the reference's, in its own units.
    """

    atol: float | None = None
    rtol: float | None = None
    max_drop: float | None = None


@dataclass(frozen=True)
class Validation:
    """The figures of the file on each provider, and of the reference."""

    found: tuple[ProviderFigures, ...]
    reference: ProviderFigures | None

    def speedup(self, figures: ProviderFigures) -> float | None:
        """Return the latency of the reference divided by that of the file, if both were taken."""
        if self.reference is None or self.reference.latency is None or figures.latency is None:
            return None
        return self.reference.latency.median / figures.latency.median


Compare: TypeAlias = Callable[[Session, ir.Model], tuple[OutputDifference, ...]]


def validate(
    candidate: Candidate, reference: ir.Model | None, options: ValidateOptions
) -> Steps[Validation]:
    """Load a file on each provider and measure it, beside a reference if there is one.

    Raises
    ------
    CortadoError
        If a provider is missing, a model does not run, or they have different outputs.
    """
    expected = None
    compare: Compare | None = None
    opened: list[tuple[Session, ir.Model]] = []
    if reference is not None:
        session = options.reference_runtime.open(serial.encode(reference))
        opened.append((session, reference))
        expected = yield from _measure(session, reference, options)
        compare = _comparison(session, reference, options)
    found = []
    for runtime in options.runtimes:
        session = runtime.open(candidate.data)
        opened.append((session, candidate.model))
        figures = yield from _measure(session, candidate.model, options)
        if compare is not None:
            figures = replace(figures, differences=compare(session, candidate.model))
        found.append(figures)
    if options.latency_batch:
        latencies = _latencies(opened, options)
        if expected is not None:
            expected = replace(expected, latency=latencies.pop(0))
        pairs = zip(found, latencies, strict=True)
        found = [replace(figures, latency=latency) for figures, latency in pairs]
    return Validation(tuple(found), expected)


def check_limits(validation: Validation, limits: Limits) -> None:
    """Raise `LimitNotMetError` if the file misses a limit on any provider."""
    for figures in validation.found:
        for difference in figures.differences:
            _check_difference(figures.provider, difference, limits)
        if limits.max_drop is not None and validation.reference is not None:
            _check_drop(figures, validation.reference, limits.max_drop)


def _measure(session: Session, model: ir.Model, options: ValidateOptions) -> Steps[ProviderFigures]:
    evaluation = None
    if options.samples is not None and options.task is not None:
        task = options.task.for_model(model)
        evaluation = yield from evaluate_session(model, session, task, options.samples)
    return ProviderFigures(session.provider, (), evaluation)


def _comparison(session: Session, reference: ir.Model, options: ValidateOptions) -> Compare:
    """Return what compares another session with the reference, whose outputs are kept."""
    expected = _run(session, _inputs(reference, options, _SAMPLES), options)

    def compare(other: Session, model: ir.Model) -> tuple[OutputDifference, ...]:
        found = _run(other, _inputs(model, options, _SAMPLES), options)
        missing = sorted(expected.keys() - found.keys())
        if missing:
            raise CortadoError(f"the reference has an output {missing[0]}, the model has not")
        return tuple(_difference(name, found[name], expected[name]) for name in expected)

    return compare


def _check_difference(provider: str, found: OutputDifference, limits: Limits) -> None:
    for name, value, limit in (
        ("atol", found.absolute, limits.atol),
        ("rtol", found.relative, limits.rtol),
    ):
        if limit is not None and not value <= limit:  # NaN is never within a limit
            raise LimitNotMetError(
                f"output {found.output} differs by {value:.2g} on {provider}, "
                f"more than the {name} of {limit:g}"
            )


def _check_drop(figures: ProviderFigures, reference: ProviderFigures, limit: float) -> None:
    found, expected = figures.evaluation, reference.evaluation
    if found is None or expected is None:
        return
    worse = expected.worse_by(found)
    if worse > limit + _ROUNDING / max(expected.samples, 1):
        verb = "fell" if expected.higher_is_better else "rose"
        raise LimitNotMetError(
            f"{expected.metric} {verb} from {expected.value:.4f} to {found.value:.4f} on "
            f"{figures.provider}, by more than {limit:g}"
        )


def _latencies(
    opened: Sequence[tuple[Session, ir.Model]], options: ValidateOptions
) -> list[Latency]:
    """Return the latency of each session; they run in turns."""
    feeds = [_inputs(model, options, options.latency_batch) for _, model in opened]
    seconds = np.zeros((_WARM_UP_RUNS + _RUNS, len(opened)))
    for turn in seconds:
        for index, ((session, _), feed) in enumerate(zip(opened, feeds, strict=True)):
            begin = time.perf_counter()
            _run(session, feed, options)
            turn[index] = time.perf_counter() - begin
    quartiles = np.percentile(seconds[_WARM_UP_RUNS:], [25, 50, 75], axis=0).T
    return [Latency(float(median), float(low), float(high)) for low, median, high in quartiles]


def _run(
    session: Session, inputs: Mapping[str, Array], options: ValidateOptions
) -> dict[str, Array]:
    """Run a model; an error says where inputs are random, which not every model can take."""
    try:
        return session.run(inputs)
    except CortadoError as error:
        if options.samples is not None:
            raise
        raise CortadoError(f"{error}; the inputs are random: give it samples with --data") from None


def _inputs(model: ir.Model, options: ValidateOptions, count: int) -> dict[str, Array]:
    """Return the first samples of the data, or random numbers, the same every time."""
    if options.samples is not None and options.task is not None:
        feed = options.task.for_model(model).feed
        alike = options.samples.alike
        known = np.arange(len(options.samples))
        known = known if alike is None else np.flatnonzero(alike == alike[0])
        number = feed.limit(options.samples) or count
        return feed(options.samples.take(np.resize(known, number)))
    feed, generator = Feed.of(model, raw=True), np.random.default_rng(0)
    number = feed.batch or count
    return feed(Batch({a.name: _random(a, number, generator) for a in feed.required}))


def _random(adapter: InputAdapter, count: int, generator: np.random.Generator) -> Array:
    """Return normal numbers, or zeros and ones of integers, of the shape of an input."""
    shape = [_OPEN_SIZE if size is None else size for size in adapter.shape]
    if shape:
        shape[0] = count
    if adapter.dtype.kind == "f":
        return generator.standard_normal(shape).astype(adapter.dtype)
    return generator.integers(0, 2, shape).astype(adapter.dtype)


def _difference(output: str, found: Array, expected: Array) -> OutputDifference:
    if found.shape != expected.shape:
        return OutputDifference(output, float("inf"), float("inf"))
    absolute = float(np.abs(found.astype(np.float64) - expected).max())
    return OutputDifference(output, absolute, absolute / (float(np.abs(expected).max()) or 1.0))
