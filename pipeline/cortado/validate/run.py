"""Validating a file against a reference: outputs, accuracy and latency in onnxruntime.

What is loaded is the file itself, in its stored form, on each execution provider; the
reference runs on the first. With a an output of the file and b that of the reference,

    absolute difference = max |a − b|
    relative difference = max |a − b| / max |b|

over all elements, for the same images: those of the data, or random ones without data.
Latencies of all files are taken in turns, so that a machine that slows down slows all of them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.model.typing import Array
from cortado.progress import Steps
from cortado.runtime import Session
from cortado.scoring.evaluate import evaluate_session
from cortado.scoring.references import References
from cortado.validate.figures import Latency, OutputDifference, ProviderFigures, Validation
from cortado.validate.inputs import inputs_of
from cortado.validate.options import Candidate, ValidateOptions

__all__ = ["validate"]

_SAMPLES = 16  # for the comparison of outputs
_RUNS = 50
_WARM_UP_RUNS = 5


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
    references = _references(options)
    if reference is not None:
        session = options.runtimes[0].open(serial.encode(reference))
        opened.append((session, reference))
        expected = yield from _measure(session, reference, options, references)
        compare = _comparison(session, reference, options)
    found = []
    for runtime in options.runtimes:
        session = runtime.open(candidate.data)
        opened.append((session, candidate.model))
        figures = yield from _measure(session, candidate.model, options, references)
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


def _references(options: ValidateOptions) -> References | None:
    """Return what the dense model gives, which is computed once for all that is measured."""
    if options.task is None or options.samples is None:
        return None
    return References(options.task, options.samples)


def _measure(
    session: Session, model: ir.Model, options: ValidateOptions, references: References | None
) -> Steps[ProviderFigures]:
    evaluation = None
    if options.samples is not None and options.task is not None:
        task = options.task.for_model(model)
        evaluation = yield from evaluate_session(
            model, session, task, options.samples, references=references
        )
    return ProviderFigures(session.provider, (), evaluation)


def _comparison(session: Session, reference: ir.Model, options: ValidateOptions) -> Compare:
    """Return what compares another session with the reference, whose outputs are kept."""
    expected = _run(session, inputs_of(reference, options, _SAMPLES), options)

    def compare(other: Session, model: ir.Model) -> tuple[OutputDifference, ...]:
        found = _run(other, inputs_of(model, options, _SAMPLES), options)
        missing = sorted(expected.keys() - found.keys())
        if missing:
            raise CortadoError(f"the reference has an output {missing[0]}, the model has not")
        return tuple(_difference(name, found[name], expected[name]) for name in expected)

    return compare


def _latencies(
    opened: Sequence[tuple[Session, ir.Model]], options: ValidateOptions
) -> list[Latency]:
    """Return the latency of each session; they run in turns."""
    feeds = [inputs_of(model, options, options.latency_batch) for _, model in opened]
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


def _difference(output: str, found: Array, expected: Array) -> OutputDifference:
    if found.shape != expected.shape:
        return OutputDifference(output, float("inf"), float("inf"))
    absolute = float(np.abs(found.astype(np.float64) - expected).max())
    return OutputDifference(output, absolute, absolute / (float(np.abs(expected).max()) or 1.0))
