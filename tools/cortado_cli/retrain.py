"""``cortado retrain``: train the weights that are left."""

from typing import TYPE_CHECKING, Literal

import click

from cortado_cli.choice_options import method_option, scope_option
from cortado_cli.options import (
    device_option,
    json_option,
    model_argument,
    output_option,
    refuse_without,
    seed_option,
    selector_option,
    talk_options,
)
from cortado_cli.reports import epoch_reports, skipped_lines, skipped_reports
from cortado_cli.runtimes import runtime_options
from cortado_cli.task import TaskChoice, task_options
from cortado_cli.training import Training, training_options
from cortado_cli.types import InputPath, Number

if TYPE_CHECKING:
    from cortado.model.layers.selector import Assignment
    from cortado.retrain import Distillation
    from cortado.runtime import Runtime
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("retrain")
@model_argument
@task_options(required=True, samples="Train on a fixed random subset of N samples.")
@training_options(epochs=5)
@click.option(
    "--solver",
    type=InputPath(),
    metavar="PROTOTXT",
    help="Train as this solver.prototxt of Caffe says; options given beside it win, but for "
    "--optimizer and --rate, which it says.",
)
@click.option(
    "--net",
    type=InputPath(),
    metavar="PROTOTXT",
    help="The net of --solver, where the path in it leads nowhere: batch size and lr_mult.",
)
@click.option(
    "--schedule",
    type=click.Choice(["one-shot", "gradual"]),
    default="one-shot",
    show_default=True,
    help="one-shot keeps the zeros; gradual prunes while it trains, up to --sparsity.",
)
@selector_option("--sparsity", Number(0, 1, max_open=True), "For gradual: the zeros to reach.")
@method_option("lamp", "For gradual: how weights are chosen, as in prune.")
@scope_option("For gradual: one threshold a layer, or one for all.")
@click.option(
    "--distill",
    type=InputPath(),
    metavar="TEACHER",
    help="Learn from the outputs of this model too; without labels, from them alone.",
)
@device_option
@output_option
@json_option
@runtime_options
@seed_option
@talk_options
def command(
    *,
    model: str,
    choice: TaskChoice,
    training: Training,
    solver: str | None,
    net: str | None,
    schedule: Literal["one-shot", "gradual"],
    sparsity: "tuple[Assignment[float], ...]",
    method: Literal["magnitude", "random-below", "std", "lamp"],
    scope: Literal["layer", "global"] | None,
    distill: str | None,
    device: str,
    output: str,
    json_path: str | None,
    seed: int,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Train a model in PyTorch; its zeros stay zero, its shared values stay shared.

    \b
    cortado retrain pruned.onnx --data mnist/ --epochs 10 -o retrained.onnx
    cortado retrain dense.onnx --data mnist/ --schedule gradual --sparsity 0.98 -o sparse.onnx
    cortado retrain pruned.onnx --data mnist/ --distill dense.onnx -o retrained.onnx
    cortado retrain pruned.onnx --data mnist/ --solver solver.prototxt -o retrained.onnx
    cortado retrain pruned.onnx --data boxes.npz --loss boxes=l1 --loss scores=bce -o retrained.onnx
    cortado retrain pruned.onnx --data photos/ --distill dense.onnx -o retrained.onnx

    After every epoch the masks and the codebooks are checked, and the metric on the
    validation samples is printed; the test samples are never looked at.
    """
    from cortado.prune import PruneOptions
    from cortado.retrain import Gradual, retrain
    from cortado_cli.data import bind_task, open_training_data, tell_inputs
    from cortado_cli.history import record
    from cortado_cli.solver import solver_options
    from cortado_cli.streams import read_model, write_json, write_model

    if solver is None:
        refuse_without("--solver", ["net"])
    if schedule != "gradual":
        refuse_without("--schedule gradual", ["sparsity", "method", "scope"])
    elif not sparsity:
        raise click.UsageError("--schedule gradual needs --sparsity")
    network = read_model(model)
    data, teacher = open_training_data(network, choice), _distillation(distill)
    task = bind_task(network, choice, runtime, data)
    if teacher is not None and task.against == "reference":
        task = bind_task(teacher.teacher, choice, runtime, data).for_model(network)
    tell_inputs(task, talk)
    gradual = Gradual(sparsity, PruneOptions(method, scope, seed)) if sparsity else None
    options = training.options(device, seed)
    if solver is not None:
        options = solver_options(solver, net, training, options, talk)
    steps = retrain(network, task, options, gradual, teacher)
    retrained = talk.follow(steps)
    talk.say_all(skipped_lines(retrained.skipped, "trained"))
    record(retrained.model)
    write_model(output, retrained.model)
    report = {
        "epochs": epoch_reports(retrained),
        "skipped": skipped_reports(retrained.skipped),
    }
    write_json(json_path, output, report)


def _distillation(teacher: str | None) -> "Distillation | None":
    from cortado import files
    from cortado.retrain import Distillation

    return None if teacher is None else Distillation(files.read_model(teacher))
