"""``cortado evaluate``: accuracy and loss in onnxruntime."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from cortado_cli.options import (
    data_options,
    json_option,
    models_argument,
    provider_option,
    talk_options,
)

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.evaluate import Evaluation
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = ("model", "weights left", "correct", "errors", "accuracy", "loss", "provider")


@click.command("evaluate")
@models_argument
@data_options(required=True)
@click.option(
    "--split",
    type=click.Choice(["test", "val", "train"]),
    default="test",
    show_default=True,
    help="val is a tenth of the training images, held out with a fixed seed.",
)
@provider_option
@json_option
@talk_options
def command(
    *,
    models: tuple[str, ...],
    data: str,
    samples: int | None,
    head: str | None,
    split: Literal["test", "val", "train"],
    providers: tuple[str, ...],
    json_path: str | None,
    talk: "Talk",
) -> None:
    """Measure accuracy and loss of models, image by image, in onnxruntime.

    \b
    cortado evaluate lenet.onnx --data mnist/
    cortado evaluate lenet.onnx --data mnist/ --split val --provider cuda --json -
    cortado evaluate dense.onnx round-*.onnx --data mnist/

    An image is correct if its label scores strictly highest, as in Caffe. The loss is the mean
    cross-entropy in nats. Several models make a table.
    """
    from cortado.data import open_data, subset
    from cortado.evaluate import evaluate
    from cortado_cli.streams import read_model, write_json, write_text

    dataset = open_data(data)
    images = dataset.split(split)
    if samples is not None:
        images = subset(images, samples)
    runs = []
    for path in models:
        network = read_model(path)
        density = _density(network)
        for provider in providers:
            steps = evaluate(network, images, dataset.classes, head, provider)
            runs.append(_Run(path, density, split, talk.follow(steps)))
    if json_path != "-":
        write_text(_lines(runs) if len(models) == 1 else _table(runs))
    reports = [run.report() for run in runs]
    write_json(json_path, None, reports[0] if len(runs) == 1 else {"runs": reports})


@dataclass(frozen=True)
class _Run:
    """One model on one provider; its density is the fraction of weights that are not zero."""

    path: str
    density: float
    split: str
    found: "Evaluation"

    def report(self) -> dict[str, Any]:
        """Return it as `json` can write it."""
        return {
            "model": self.path,
            "density": self.density,
            "samples": self.found.samples,
            "correct": self.found.correct,
            "accuracy": self.found.accuracy,
            "loss": self.found.loss,
            "provider": self.found.provider,
            "split": self.split,
            "seconds": self.found.seconds,
        }


def _density(network: "ir.Model") -> float:
    from cortado.describe import describe

    return describe(network).total.density


def _lines(runs: list[_Run]) -> str:
    return "".join(
        f"{run.found.correct:,} of {run.found.samples:,} correct "
        f"({run.found.errors:,} errors): accuracy {run.found.accuracy:.4f}, "
        f"loss {run.found.loss:.4f}, {run.split} split, {run.found.provider}, "
        f"{run.found.seconds:.2f} s\n"
        for run in runs
    )


def _table(runs: list[_Run]) -> str:
    from cortado_cli.talk import format_table

    rows = [
        (
            run.path,
            f"{run.density:.2%}",
            f"{run.found.correct:,}",
            f"{run.found.errors:,}",
            f"{run.found.accuracy:.4f}",
            f"{run.found.loss:.4f}",
            run.found.provider,
        )
        for run in runs
    ]
    first = runs[0]
    images = f"{first.found.samples:,} images of the {first.split} split\n"
    return format_table(_HEADINGS, rows, sys.stdout) + images
