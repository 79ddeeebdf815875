"""``cortado quantize``: let the weights of each layer share few values."""

from typing import TYPE_CHECKING, Literal

import click

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
from cortado_cli.runtimes import RUNTIME, runtime_options
from cortado_cli.task import TASK, TaskChoice, task_options
from cortado_cli.training import TRAINING, Training, training_options
from cortado_cli.types import InputPath

if TYPE_CHECKING:
    from cortado.model.layers.selector import Assignment
    from cortado.quantize import LayerSharing, SharedBiases
    from cortado.runtime import Runtime
    from cortado_cli.talk import Talk

__all__ = ["command"]

_NEEDING_DATA = [name for name in TASK if name != "data"]


@click.command("quantize")
@model_argument
@selector_option("--bits", click.IntRange(1, 8), "2^B shared values, as in 'conv*=5'.")
@click.option(
    "--plan",
    type=InputPath(),
    metavar="PATH",
    help="Bits of a plan for such layers, see cortado plan.",
)
@click.option(
    "--bias-bits",
    type=click.IntRange(1, 8),
    metavar="B",
    help="Let all biases together share 2^B values, at the end; retraining parts them again.",
)
@click.option(
    "--init",
    type=click.Choice(["optimal", "linear", "density", "random"]),
    default="optimal",
    show_default=True,
    help="Where k-means starts; optimal is the one-dimensional optimum.",
)
@click.option(
    "--grid",
    type=click.Choice(["free", "uniform"]),
    default="free",
    show_default=True,
    help="uniform: 2^B − 1 multiples of one step a layer, which integer kernels keep exactly.",
)
@task_options(required=False, samples="Train on a fixed random subset of N samples.")
@training_options(epochs=0)
@device_option
@output_option
@json_option
@runtime_options
@seed_option
@talk_options
def command(
    *,
    model: str,
    bits: "tuple[Assignment[int], ...]",
    plan: str | None,
    bias_bits: int | None,
    init: Literal["optimal", "linear", "density", "random"],
    grid: Literal["free", "uniform"],
    choice: TaskChoice,
    training: Training,
    device: str,
    output: str,
    json_path: str | None,
    seed: int,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Let the non-zero weights of each layer share 2^B values; zeros stay zero.

    \b
    cortado quantize pruned.onnx --bits 4 -o shared.onnx
    cortado quantize pruned.onnx --bits 'conv*=5' --bits 'fc*=4' --init linear -o shared.onnx
    cortado quantize pruned.onnx --bits 4 --bias-bits 5 -o shared.onnx
    cortado quantize pruned.onnx --plan plan.json -o shared.onnx
    cortado quantize pruned.onnx --bits 4 --data mnist/ --epochs 3 -o shared.onnx
    cortado quantize pruned.onnx --bits 8 --grid uniform | cortado emit --kernel int8 -o small.onnx

    With --grid uniform the values are k·s with whole numbers k from 1 − 2^(B−1) to 2^(B−1) − 1
    and the step s of least squared error; weights that are nearer to zero than to s become zero.
    emit --kernel int8, or int4 for 4 bits and fewer, then has nothing to round.

    With --data and --epochs the shared values are trained: the gradient of a value is the sum
    over the weights that share it. On a uniform grid it is the step that is trained. Without
    labels they learn from the outputs of MODEL. Biases stay as they are without --bias-bits.
    """
    from cortado.model.layers.selector import ALL, Assignment
    from cortado.quantize import QuantizeOptions, quantize, share_biases
    from cortado_cli.data import bind_task, open_training_data, tell_inputs
    from cortado_cli.history import record
    from cortado_cli.streams import naming, read_model, write_json, write_model

    if choice.data is None:
        refuse_without("--data", [*_NEEDING_DATA, *TRAINING, "device", *RUNTIME])
    elif training.epochs == 0:
        raise click.UsageError("--data needs --epochs: they train the shared values")
    if grid == "uniform":
        refuse_without("--grid free", ["init"])
    if plan is not None and bits:
        raise click.UsageError("say how many bits with --bits or with --plan")
    network = read_model(model)
    assigned = bits or (Assignment(ALL, 4),)
    if plan is not None:
        from cortado.plan import bits_of
        from cortado_cli.data import read_plan

        read = read_plan(plan)
        with naming(plan):
            assigned = tuple(bits_of(read, network))
    shared = quantize(network, assigned, QuantizeOptions(init, seed, grid))
    headings = ("layer", "non-zero", "values", "rmse")
    talk.table(headings, [_row(layer) for layer in shared.layers])
    talk.say_all(skipped_lines(shared.skipped))
    report: dict[str, object] = {
        "layers": [_report(layer) for layer in shared.layers],
        "skipped": skipped_reports(shared.skipped),
    }
    result = shared.model
    if choice.data is not None:
        from cortado.retrain import Distillation, retrain  # imports torch

        task = bind_task(network, choice, runtime, open_training_data(network, choice))
        tell_inputs(task, talk)
        unlabelled = not task.data.labelled and not training.losses
        teacher = Distillation(network) if unlabelled else None
        steps = retrain(result, task, training.options(device, seed), None, teacher)
        trained = talk.follow(steps)
        report["epochs"] = epoch_reports(trained)
        result = trained.model
    if bias_bits is not None:
        biases = share_biases(result, bias_bits)
        talk.say(f"biases: {biases.nonzero:,} share {biases.values} values, rmse {biases.rmse:.3g}")
        report["biases"] = _bias_report(biases)
        result = biases.model
    record(result)
    write_model(output, result)
    write_json(json_path, output, report)


def _bias_report(biases: "SharedBiases") -> dict[str, object]:
    return {"nonzero": biases.nonzero, "values": biases.values, "rmse": biases.rmse}


def _row(layer: "LayerSharing") -> tuple[str, ...]:
    return (layer.name, f"{layer.nonzero:,}", str(layer.values), f"{layer.rmse:.3g}")


def _report(layer: "LayerSharing") -> dict[str, object]:
    return {
        "name": layer.name,
        "nonzero": layer.nonzero,
        "values": layer.values,
        "rmse": layer.rmse,
    }
