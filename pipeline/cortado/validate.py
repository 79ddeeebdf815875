"""Validating a file against a reference: outputs, accuracy and latency in onnxruntime.

What is loaded is the file itself, in its stored form, on each execution provider; the
reference runs on the CPU. Outputs are compared as max |a − b| relative to the largest |b| of
the reference, so that the figure does not depend on the unit of the scores.
"""

import time
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.data import Dataset, Feed, Samples
from cortado.errors import CortadoError, LimitNotMetError
from cortado.evaluate import Evaluation, evaluate_session
from cortado.model import serial
from cortado.model.typing import FloatArray
from cortado.session import Session, open_session
from cortado.steps import Steps

__all__ = [
    "Candidate",
    "Latency",
    "OutputDifference",
    "ProviderFigures",
    "ValidateOptions",
    "Validation",
    "check_limits",
    "validate",
]

_IMAGES = 16  # random ones, for the comparison of outputs
_OPEN_SIZE = 1  # of an axis that the model leaves open
_RUNS = 50
_WARM_UP_RUNS = 5


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
    providers : tuple of str
        Where the file runs.
    head : str or None
        The output that is scored.
    samples : Samples or None
        The images that accuracy is measured on, the test part of a data set.
    classes : int
        The number of classes of that data set.
    latency_batch : int
        Images a batch for the latency; 0 measures none.
    """

    providers: tuple[str, ...] = ("cpu",)
    head: str | None = None
    samples: Samples | None = None
    classes: int = 0
    latency_batch: int = 0

    @classmethod
    def of_test(cls, dataset: Dataset, head: str | None) -> "ValidateOptions":
        """Measure accuracy on the whole test part, on the CPU."""
        return cls(head=head, samples=dataset.test, classes=dataset.classes)


@dataclass(frozen=True)
class OutputDifference:
    """The largest difference of one output, as a fraction of the reference's largest value."""

    output: str
    difference: float


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
    accuracy: Evaluation | None = None
    latency: Latency | None = None


@dataclass(frozen=True)
class Validation:
    """The figures of the file on each provider, and of the reference on the CPU."""

    found: tuple[ProviderFigures, ...]
    reference: ProviderFigures | None


def validate(
    candidate: Candidate, reference: ir.Model | None, options: ValidateOptions
) -> Steps[Validation]:
    """Load a file on each provider and measure it, beside a reference if there is one."""
    expected = None
    if reference is not None:
        session = open_session(serial.encode(reference))
        expected = yield from _measure(session, reference, options)
    found = []
    for provider in options.providers:
        session = open_session(candidate.data, provider)
        figures = yield from _measure(session, candidate.model, options)
        if reference is not None:
            differences = _compare_outputs(session, candidate.model, reference)
            figures = ProviderFigures(
                figures.provider, differences, figures.accuracy, figures.latency
            )
        found.append(figures)
    return Validation(tuple(found), expected)


def check_limits(validation: Validation, atol: float | None, max_drop: float | None) -> None:
    """Raise `LimitNotMetError` if a limit is missed.

    Parameters
    ----------
    validation : Validation
        With a reference.
    atol : float or None
        The largest difference of an output, as a fraction of its scale.
    max_drop : float or None
        The largest loss of accuracy, as a fraction of the images.
    """
    for figures in validation.found:
        if atol is not None:
            _check_differences(figures, atol)
        if max_drop is not None and validation.reference is not None:
            _check_drop(figures, validation.reference, max_drop)


def _measure(session: Session, model: ir.Model, options: ValidateOptions) -> Steps[ProviderFigures]:
    accuracy = latency = None
    if options.samples is not None:
        accuracy = yield from evaluate_session(
            model, session, options.samples, options.classes, options.head
        )
    if options.latency_batch:
        inputs = _random_inputs(model, options.latency_batch)
        latency = _latency(session, Feed.of(model).name, inputs)
    return ProviderFigures(session.provider, (), accuracy, latency)


def _compare_outputs(
    session: Session, model: ir.Model, reference: ir.Model
) -> tuple[OutputDifference, ...]:
    inputs = _random_inputs(reference, _IMAGES)
    expected = open_session(serial.encode(reference)).run({Feed.of(reference).name: inputs})
    found = session.run({Feed.of(model).name: inputs})
    missing = sorted(expected.keys() - found.keys())
    if missing:
        raise CortadoError(f"the reference has an output {missing[0]}, the model has not")
    return tuple(
        OutputDifference(name, _difference(found[name], expected[name])) for name in expected
    )


def _check_differences(figures: ProviderFigures, limit: float) -> None:
    for found in figures.differences:
        if not found.difference <= limit:  # NaN is never within a limit
            raise LimitNotMetError(
                f"output {found.output} differs by {found.difference:.2g} of its scale on "
                f"{figures.provider}, more than {limit:g}"
            )


def _check_drop(figures: ProviderFigures, reference: ProviderFigures, limit: float) -> None:
    if figures.accuracy is None or reference.accuracy is None:
        return
    lost = reference.accuracy.correct - figures.accuracy.correct
    if lost > limit * reference.accuracy.samples + 1e-9:
        raise LimitNotMetError(
            f"accuracy fell from {reference.accuracy.accuracy:.4f} to "
            f"{figures.accuracy.accuracy:.4f} on {figures.provider}, by more than {limit:g}"
        )


def _latency(session: Session, name: str, inputs: FloatArray) -> Latency:
    seconds = []
    for _ in range(_WARM_UP_RUNS + _RUNS):
        begin = time.perf_counter()
        session.run({name: inputs})
        seconds.append(time.perf_counter() - begin)
    low, median, high = np.percentile(seconds[_WARM_UP_RUNS:], [25, 50, 75])
    return Latency(float(median), float(low), float(high))


def _random_inputs(model: ir.Model, count: int) -> FloatArray:
    """Return normal random numbers in the shape of a batch of inputs, the same every time."""
    feed = Feed.of(model)
    shape = [_OPEN_SIZE if size is None else size for size in feed.shape]
    generator = np.random.default_rng(0)
    return generator.standard_normal((feed.batch or count, *shape)).astype(np.float32)


def _difference(found: FloatArray, expected: FloatArray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    scale = float(np.abs(expected).max()) or 1.0
    return float(np.abs(found.astype(np.float64) - expected).max()) / scale
