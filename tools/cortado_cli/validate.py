"""``cortado validate``: compare a file with a reference."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cortado_cli.choice_options import floor_option
from cortado_cli.options import (
    json_option,
    model_argument,
    refuse_without,
    talk_options,
)
from cortado_cli.runtimes import runtimes_options
from cortado_cli.task import TASK, TaskChoice, task_options
from cortado_cli.types import InputPath, Number

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.runtime import Runtime
    from cortado.validate import ProviderFigures, ValidateOptions, Validation
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = ("", "provider", "difference", "relative", "errors")


@click.command("validate")
@model_argument
@click.option("--reference", type=InputPath(), metavar="REF", help="The model to compare with.")
@click.option(
    "--atol",
    type=Number(min=0),
    help="The largest difference of an output that is allowed, in its own unit.",
)
@click.option(
    "--rtol",
    type=Number(min=0),
    help="The same as a fraction of the largest value that the reference gives there.",
)
@task_options(required=False)
@click.option(
    "--max-drop",
    type=Number(min=0),
    help="How much worse than the reference's the metric may be on the test part, in its own "
    "units: 0.002 of accuracy.",
)
@floor_option("The worst value of the metric on the test part.")
@click.option("--time", "timed", is_flag=True, help="Measure the latency of a batch.")
@click.option(
    "--batch", type=click.IntRange(min=1), default=1, show_default=True, help="For --time."
)
@runtimes_options
@json_option
@talk_options
def command(
    *,
    model: str,
    reference: str | None,
    atol: float | None,
    rtol: float | None,
    choice: TaskChoice,
    max_drop: float | None,
    floor: float | None,
    timed: bool,
    batch: int,
    runtimes: "tuple[Runtime, ...]",
    json_path: str | None,
    talk: "Talk",
) -> None:
    """Load a file in onnxruntime on each provider, and compare it with a reference.

    \b
    cortado validate small.onnx --reference dense.onnx --data mnist/ --max-drop 0.002
    cortado validate sparse.onnx --reference dense.onnx --rtol 1e-6 --provider cpu --provider cuda
    cortado validate int8.onnx --reference dense.onnx --time

    Outputs are compared on random inputs, or on samples of the data; the metric is measured on the
    test part, by default accuracy with labels, and agreement or relative error without. The
    reference runs on the first provider. A limit
    that is not met gives exit code 3; without a limit the figures are only printed. "faster" is
    how many times as fast as the reference a file is, by the medians of 50 runs each.
    """
    from cortado import files
    from cortado.data import Feed
    from cortado.scoring.metrics import metric_title
    from cortado.validate import Limits, check_limits, validate
    from cortado_cli.data import tell_states
    from cortado_cli.streams import read_candidate, write_json, write_text
    from cortado_cli.talk import format_table

    if reference is None:
        refuse_without("--reference", ["atol", "rtol", "max_drop"])
    if choice.data is None:
        refuse_without("--data", ["max_drop", "floor", *TASK])
    if not timed:
        refuse_without("--time", ["batch"])
    candidate = read_candidate(model)
    expected = None if reference is None else files.read_model(reference)
    options = _options(candidate.model, expected, runtimes, choice, talk)
    if options.samples is None and (timed or expected is not None):  # random inputs
        tell_states(Feed.of(candidate.model, raw=True).optional, talk)
    options = replace(options, latency_batch=batch if timed else 0)
    validation = talk.follow(validate(candidate, expected, options))
    named = [("reference", validation.reference)] if validation.reference else []
    named += [("model", figures) for figures in validation.found]
    if json_path != "-":
        rows = [_row(name, figures, validation.speedup(figures)) for name, figures in named]
        metric = "accuracy" if options.task is None else metric_title(options.task.metric.name)
        headings = (*_HEADINGS, metric, "loss", "latency [ms]", "faster")
        write_text(format_table(headings, rows, sys.stdout))
    write_json(json_path, None, _report(named, validation))
    check_limits(validation, Limits(atol, rtol, max_drop, floor))


def _options(
    model: "ir.Model",
    reference: "ir.Model | None",
    runtimes: "tuple[Runtime, ...]",
    choice: TaskChoice,
    talk: "Talk",
) -> "ValidateOptions":
    from cortado.validate import ValidateOptions
    from cortado_cli.data import bind_task, choose_split, open_dataset, tell_inputs

    if choice.data is None:
        return ValidateOptions(runtimes)
    data = open_dataset(model, choice)
    task = bind_task(reference or model, choice, runtimes[0], data)
    if reference is None and task.against == "reference":
        raise click.UsageError(f"the metric {task.metric.name} needs --reference")
    tell_inputs(task, talk)
    _, samples = choose_split(data, "test", choice)
    return ValidateOptions(runtimes, task, samples)


def _row(name: str, figures: "ProviderFigures", speedup: float | None) -> tuple[str, ...]:
    from cortado.progress import show_figure

    score, latency = figures.evaluation, figures.latency
    return (
        name,
        figures.provider.removesuffix("ExecutionProvider"),
        _largest([found.absolute for found in figures.differences]),
        _largest([found.relative for found in figures.differences]),
        f"{score.errors:,}" if score and score.classified else "",
        show_figure(score.value) if score else "",
        show_figure(score.loss) if score else "",
        f"{1e3 * latency.median:.4f}" if latency else "",
        f"{speedup:.2f} ×" if speedup and name == "model" else "",
    )


def _largest(differences: list[float]) -> str:
    return f"{max(differences):.2g}" if differences else ""


def _report(
    named: "list[tuple[str, ProviderFigures]]", validation: "Validation"
) -> dict[str, object]:
    report: dict[str, list[object]] = {}
    for name, figures in named:
        score = figures.evaluation
        report.setdefault(name, []).append(
            {
                "provider": figures.provider,
                "differences": {
                    found.output: {"absolute": found.absolute, "relative": found.relative}
                    for found in figures.differences
                },
                "metric": score.metric if score else None,
                "value": score.value if score else None,
                "accuracy": score.accuracy if score else None,
                "loss": score.loss if score else None,
                "correct": score.correct if score else None,
                "samples": score.samples if score else None,
                "latency_seconds": figures.latency.median if figures.latency else None,
                "latency_quartiles": (
                    [figures.latency.low, figures.latency.high] if figures.latency else None
                ),
                "speedup": validation.speedup(figures),
            }
        )
    return dict(report)
