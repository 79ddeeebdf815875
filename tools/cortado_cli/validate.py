"""``cortado validate``: compare a file with a reference."""

import sys
from typing import TYPE_CHECKING

import click

from cortado_cli.options import (
    Number,
    data_options,
    json_option,
    model_argument,
    provider_option,
    talk_options,
)

if TYPE_CHECKING:
    from cortado.validate import ProviderFigures, ValidateOptions
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = ("", "provider", "difference", "errors", "accuracy", "loss", "latency [ms]")


@click.command("validate")
@model_argument
@click.option("--reference", metavar="REF", help="The model to compare with.")
@click.option(
    "--atol",
    type=Number(min=0),
    help="The largest difference of an output, as a fraction of its largest value.",
)
@data_options(required=False)
@click.option(
    "--max-drop",
    type=Number(0, 1),
    help="The largest loss of test accuracy against the reference, as a fraction: 0.002.",
)
@click.option("--time", "timed", is_flag=True, help="Measure the latency of a batch.")
@click.option(
    "--batch", type=click.IntRange(min=1), default=1, show_default=True, help="For --time."
)
@provider_option
@json_option
@talk_options
def command(
    *,
    model: str,
    reference: str | None,
    atol: float | None,
    data: str | None,
    samples: int | None,
    head: str | None,
    max_drop: float | None,
    timed: bool,
    batch: int,
    providers: tuple[str, ...],
    json_path: str | None,
    talk: "Talk",
) -> None:
    """Load a file in onnxruntime on each provider, and compare it with a reference.

    \b
    cortado validate small.onnx --reference dense.onnx --data mnist/ --max-drop 0.002
    cortado validate sparse.onnx --reference dense.onnx --atol 1e-6 --provider cpu --provider cuda
    cortado validate small.onnx --reference dense.onnx --time

    Outputs are compared on random images, accuracy on the test images. A limit that is not
    met gives exit code 3; without a limit the figures are only printed.
    """
    from cortado import files
    from cortado.validate import check_limits, validate
    from cortado_cli.streams import read_candidate, write_json, write_text
    from cortado_cli.talk import format_table

    if atol is not None and reference is None:
        raise click.UsageError("--atol needs --reference")
    if max_drop is not None and (reference is None or data is None):
        raise click.UsageError("--max-drop needs --reference and --data")
    candidate = read_candidate(model)
    expected = None if reference is None else files.read_model(reference)
    options = _options(providers, head, data, samples, batch if timed else 0)
    validation = talk.follow(validate(candidate, expected, options))
    named = [("reference", validation.reference)] if validation.reference else []
    named += [("model", figures) for figures in validation.found]
    if json_path != "-":
        rows = [_row(name, figures) for name, figures in named]
        write_text(format_table(_HEADINGS, rows, sys.stdout))
    write_json(json_path, None, _report(named))
    check_limits(validation, atol, max_drop)


def _options(
    providers: tuple[str, ...], head: str | None, data: str | None, samples: int | None, batch: int
) -> "ValidateOptions":
    from cortado.data import open_data, subset
    from cortado.validate import ValidateOptions

    if data is None:
        return ValidateOptions(providers, head, latency_batch=batch)
    dataset = open_data(data)
    images = dataset.test if samples is None else subset(dataset.test, samples)
    return ValidateOptions(providers, head, images, dataset.classes, batch)


def _row(name: str, figures: "ProviderFigures") -> tuple[str, ...]:
    differences = [found.difference for found in figures.differences]
    score, latency = figures.accuracy, figures.latency
    return (
        name,
        figures.provider.removesuffix("ExecutionProvider"),
        f"{max(differences):.2g}" if differences else "",
        f"{score.samples - score.correct:,}" if score else "",
        f"{score.accuracy:.4f}" if score else "",
        f"{score.loss:.4f}" if score else "",
        f"{1e3 * latency.median:.4f}" if latency else "",
    )


def _report(named: "list[tuple[str, ProviderFigures]]") -> dict[str, object]:
    report: dict[str, list[object]] = {}
    for name, figures in named:
        report.setdefault(name, []).append(
            {
                "provider": figures.provider,
                "differences": {d.output: d.difference for d in figures.differences},
                "accuracy": figures.accuracy.accuracy if figures.accuracy else None,
                "loss": figures.accuracy.loss if figures.accuracy else None,
                "correct": figures.accuracy.correct if figures.accuracy else None,
                "samples": figures.accuracy.samples if figures.accuracy else None,
                "latency_seconds": figures.latency.median if figures.latency else None,
                "latency_quartiles": (
                    [figures.latency.low, figures.latency.high] if figures.latency else None
                ),
            }
        )
    return dict(report)
