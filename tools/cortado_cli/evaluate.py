"""``cortado evaluate``: accuracy and loss in onnxruntime."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from cortado_cli.options import (
    data_options,
    json_option,
    model_argument,
    provider_option,
    talk_options,
)

if TYPE_CHECKING:
    from cortado.evaluate import Evaluation, Metric
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("evaluate")
@model_argument
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
    model: str,
    data: str,
    samples: int | None,
    head: str | None,
    split: Literal["test", "val", "train"],
    providers: tuple[str, ...],
    json_path: str | None,
    talk: "Talk",
) -> None:
    """Measure accuracy and loss of a model, image by image, in onnxruntime.

    \b
    cortado evaluate lenet.onnx --data mnist/
    cortado evaluate lenet.onnx --data mnist/ --split val --provider cuda --json -

    An image is correct if its label scores strictly highest, as in Caffe. The loss is the mean
    cross-entropy in nats. A model that remembers the losses and metrics that Caffe trained it with
    is measured by them.
    """
    from cortado.data import subset
    from cortado.evaluate import evaluate
    from cortado.model.metadata import read_criteria
    from cortado_cli.data import open_for
    from cortado_cli.streams import read_model, write_json, write_text

    network = read_model(model)
    refused = [each for each in read_criteria(network) if each.refusal]
    talk.say_all([f"{x.name} ({x.kind}) is not measured: {x.refusal}" for x in refused])
    dataset = open_for(network, data)
    images = dataset.split(split)
    if samples is not None:
        images = subset(images, samples)
    reports, lines = [], []
    for provider in providers:
        found = talk.follow(evaluate(network, images, dataset.classes, head, provider))
        reports.append(
            {
                "samples": found.samples,
                "correct": found.correct,
                "accuracy": found.accuracy,
                "loss": found.loss,
                "provider": found.provider,
                "split": split,
                "seconds": found.seconds,
            }
            | _criteria_report(found.metrics)
        )
        lines += _lines(found, split)
    if json_path != "-":
        write_text("".join(lines))
    write_json(json_path, None, reports[0] if len(reports) == 1 else {"runs": reports})


def _lines(found: "Evaluation", split: str) -> list[str]:
    """Return what is printed, with a line for each criterion that says more."""
    place = f"{split} split, {found.provider}, {found.seconds:.2f} s\n"
    if not found.classified:
        lines = [f"{found.samples:,} images: loss {found.loss:.4f}, {place}"]
    else:
        lines = [
            f"{found.correct:,} of {found.samples:,} correct "
            f"({found.samples - found.correct:,} errors): accuracy {found.accuracy:.4f}, "
            f"loss {found.loss:.4f}, {place}"
        ]
    known = (found.accuracy, found.loss)
    return lines + [_line(metric) for metric in found.metrics if metric.value not in known]


def _line(metric: "Metric") -> str:
    criterion = metric.criterion
    if criterion.is_loss:
        what = f"{criterion.kind}, weight {criterion.weight:g}"
    else:
        what = f"top {criterion.top_k}"
    return f"{criterion.name} ({what}): {metric.value:.4f}\n"


def _criteria_report(metrics: "Sequence[Metric]") -> dict[str, object]:
    """Return the field of the model's criteria, if it has any."""
    return {"criteria": [_criterion_report(metric) for metric in metrics]} if metrics else {}


def _criterion_report(metric: "Metric") -> dict[str, object]:
    criterion = metric.criterion
    return {
        "name": criterion.name,
        "kind": criterion.kind,
        "scores": criterion.scores,
        "weight": criterion.weight,
        "top_k": criterion.top_k,
        "value": metric.value,
    }
