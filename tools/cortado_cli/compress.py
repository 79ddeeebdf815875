"""``cortado compress``: everything in one go."""

from typing import TYPE_CHECKING, Literal

import click

from cortado_cli.choices import storage_option
from cortado_cli.options import (
    check_file,
    data_options,
    device_option,
    json_option,
    model_argument,
    output_option,
    refuse_without,
    seed_option,
    talk_options,
)
from cortado_cli.runtimes import runtime_options
from cortado_cli.training import batch_option, shift_option
from cortado_cli.types import Number, ReportPath

if TYPE_CHECKING:
    from cortado.runtime import Runtime
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("compress")
@model_argument
@data_options(required=True)
@click.option(
    "--max-drop",
    type=Number(0, 1, max_open=True),
    show_default="0.005, and then not checked on the test images",
    help="The accuracy that may be lost, as a fraction of the images.",
)
@click.option(
    "--min-accuracy",
    type=Number(0, 1),
    metavar="A",
    help="The least accuracy on validation images, in place of what --max-drop implies.",
)
@click.option(
    "--bits",
    type=click.IntRange(1, 8),
    show_default="chosen for each layer",
    help="Each layer shares at most 2^B values; all biases together share 64.",
)
@click.option(
    "--no-train",
    is_flag=True,
    help="Fit what is left by least squares instead of training; needs no labels.",
)
@click.option(
    "--effort",
    type=click.Choice(["quick", "default", "max"]),
    default="default",
    show_default=True,
    help="How long to search.",
)
@storage_option("How the file stores its tensors, as in emit.")
@shift_option(1)
@click.option(
    "--lr",
    type=Number(min=0, min_open=True),
    default=0.003,
    show_default=True,
    help="Peak learning rate of Adam.",
)
@batch_option
@device_option
@output_option
@click.option(
    "--report",
    type=ReportPath(),
    callback=check_file,
    metavar="PATH",
    help="Write a page, HTML: stages, sizes, layers, and what each layer alone can lose.",
)
@json_option
@runtime_options
@seed_option
@talk_options
def command(
    *,
    model: str,
    data: str,
    samples: int | None,
    head: str | None,
    max_drop: float | None,
    min_accuracy: float | None,
    bits: int | None,
    no_train: bool,
    effort: Literal["quick", "default", "max"],
    storage: Literal["dense", "sparse", "coded"],
    shift: int,
    lr: float,
    batch: int,
    device: str,
    output: str,
    report: str | None,
    json_path: str | None,
    seed: int,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Prune, retrain, share weights, emit and validate, as far as the accuracy holds.

    \b
    cortado compress lenet.onnx --data mnist/ -o small.onnx
    cortado compress lenet.onnx --data mnist/ --max-drop 0.002 --effort max -o small.onnx
    cortado compress lenet.onnx --data mnist/ -o small.onnx --report small.html
    cortado compress lenet.onnx --data images.npy --no-train -o small.onnx

    How far to go is decided on validation images, a tenth of the training images. --max-drop
    counts from the dense model as it is, or as it is after retraining without those images,
    whichever scores lower: a model that was trained on them scores too well. The finished
    file is then measured on the test images beside the model that came in. If it lost more than
    a --max-drop that you gave, nothing is written and the exit code is 3.

    With --no-train plans from a sweep are carried out, and least squares fit what is left, to
    training images without their labels. A plan is taken where the validation images show, at a
    confidence of 95 %, that it loses no more than it may; for half a point that takes 540 of
    them at least. Where --data is a file of images without labels, what counts is how often the
    file chooses what the dense model chooses.
    """
    from cortado.compress import DEFAULT_MAX_DROP, CompressOptions, compress
    from cortado.validate import Limits, check_limits
    from cortado_cli.compress_report import collect, show
    from cortado_cli.data import open_compressed
    from cortado_cli.history import record
    from cortado_cli.streams import read_model, write_artifact, write_json
    from cortado_cli.torchrun import count_cores

    if no_train:
        refuse_without("training, and so no --no-train", ["shift", "lr", "batch", "device"])
    network = read_model(model)
    images = open_compressed(network, data, samples, head, runtime=runtime, train=not no_train)
    options = CompressOptions(
        max_drop=DEFAULT_MAX_DROP if max_drop is None else max_drop,
        min_accuracy=min_accuracy,
        bits=bits,
        train=not no_train,
        effort=effort,
        storage=storage,
        shift=shift,
        lr=lr,
        batch=batch,
        device=device,
        seed=seed,
        workers=runtime.threads or count_cores(),
        runtime=runtime,
    )
    record(network)
    compressed = talk.follow(compress(network, images.data, options, head))
    show(compressed, talk)
    check_limits(compressed.validation, Limits(max_drop=max_drop))
    written = collect(compressed, images, options, talk)
    write_artifact(output, compressed.emitted.data)
    if report is not None:
        write_artifact(report, written.page)
    write_json(json_path, output, written.json)
