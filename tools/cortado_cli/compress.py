"""``cortado compress``: everything in one go."""

from typing import TYPE_CHECKING, Literal

import click

from cortado.built_in import TREATMENTS, names_of
from cortado_cli.choice_options import storage_option
from cortado_cli.options import (
    check_file,
    device_option,
    json_option,
    model_argument,
    output_option,
    refuse_without,
    seed_option,
    talk_options,
)
from cortado_cli.runtimes import runtime_options
from cortado_cli.task import TaskChoice, task_options
from cortado_cli.training import batch_option, shift_option
from cortado_cli.types import Finite, Number, ReportPath

if TYPE_CHECKING:
    from cortado.runtime import Runtime
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("compress")
@model_argument
@task_options(required=True)
@click.option(
    "--max-drop",
    type=Number(min=0),
    show_default="0.005 of a fraction such as accuracy, and then not checked on the test part",
    help="How much worse the metric may become, in its own units.",
)
@click.option(
    "--floor",
    "--min-accuracy",
    "floor",
    type=Finite(),
    metavar="V",
    help="The worst value of the metric on validation samples, in place of --max-drop's.",
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
    "--treatment",
    "treatments",
    multiple=True,
    default=("prune", "bits"),
    show_default="prune, bits",
    metavar="NAME",
    help="With --no-train: what is tried on each layer (repeat it): "
    f"{', '.join(names_of(TREATMENTS))}, or package.module:name.",
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
    help="Write a page, HTML: stages, sizes, layers, and the sensitivity of each layer.",
)
@json_option
@runtime_options
@seed_option
@talk_options
def command(
    *,
    model: str,
    choice: TaskChoice,
    max_drop: float | None,
    floor: float | None,
    bits: int | None,
    no_train: bool,
    treatments: tuple[str, ...],
    effort: Literal["quick", "default", "max"],
    storage: str,
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
    """Prune, retrain, share weights, emit and validate, within a limit on the metric.

    \b
    cortado compress lenet.onnx --data mnist/ -o small.onnx
    cortado compress lenet.onnx --data mnist/ --max-drop 0.002 --effort max -o small.onnx
    cortado compress lenet.onnx --data mnist/ -o small.onnx --report small.html
    cortado compress lenet.onnx --data images.npy --no-train -o small.onnx
    cortado compress ocr.onnx --data lines/ --no-train --metric cer --max-drop 0.01 -o small.onnx

    How far to go is decided on validation samples, a tenth of the training part. --max-drop
    counts from the dense model as it is, or as it is after retraining without those samples,
    whichever is worse: a model that was trained on them scores too well. The finished file is then
    measured on the test part beside the model that came in. If it lost more than a --max-drop that
    you gave, nothing is written and the exit code is 3.

    --no-train tries pruning plans from a sweep, refits the remaining weights by least squares, and
    keeps the smallest file that is within the limit at 95 % confidence on the validation samples;
    for half a point of accuracy that takes 540 of them at least.

    Without labels the metric compares with the outputs of the dense model, and the dense model
    teaches the smaller ones (distillation).
    """
    from cortado.compress import CompressOptions, compress
    from cortado.treatments import make_treatment
    from cortado.validate import Limits, check_limits
    from cortado_cli.compress_report import collect, show
    from cortado_cli.data import bind_task, open_training_data, tell_inputs
    from cortado_cli.history import record
    from cortado_cli.streams import read_model, write_artifact, write_json
    from cortado_cli.torchrun import count_cores

    if no_train:
        refuse_without("training, and so no --no-train", ["shift", "lr", "batch", "device"])
    else:
        refuse_without("--no-train", ["treatments"])
    network = read_model(model)
    task = bind_task(network, choice, runtime, open_training_data(network, choice))
    tell_inputs(task, talk)
    options = CompressOptions(
        max_drop=max_drop,
        floor=floor,
        bits=bits,
        treatments=tuple(make_treatment(name).name for name in treatments),
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
    compressed = talk.follow(compress(network, task, options))
    show(compressed, talk)
    check_limits(compressed.validation, Limits(max_drop=max_drop))
    written = collect(compressed, task, options, talk)
    write_artifact(output, compressed.emitted.data)
    if report is not None:
        write_artifact(report, written.page)
    write_json(json_path, output, written.json)
