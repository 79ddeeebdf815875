"""``cortado evaluate``: accuracy and loss in onnxruntime."""

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
    cross-entropy in nats.
    """
    from cortado.data import subset
    from cortado.evaluate import evaluate
    from cortado_cli.data import open_for
    from cortado_cli.streams import read_model, write_json, write_text

    network = read_model(model)
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
        )
        lines.append(
            f"{found.correct:,} of {found.samples:,} correct "
            f"({found.samples - found.correct:,} errors): accuracy {found.accuracy:.4f}, "
            f"loss {found.loss:.4f}, {split} split, {found.provider}, {found.seconds:.2f} s\n"
        )
    if json_path != "-":
        write_text("".join(lines))
    write_json(json_path, None, reports[0] if len(reports) == 1 else {"runs": reports})
