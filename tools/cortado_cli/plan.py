"""``cortado plan``: how far each layer goes."""

from typing import TYPE_CHECKING, Literal

import click

from cortado_cli.choices import split_option
from cortado_cli.options import (
    STREAM,
    check_place,
    data_options,
    refuse_without,
    talk_options,
)
from cortado_cli.runtimes import RUNTIME, runtime_options
from cortado_cli.types import InputPath, Number, ReportPath

if TYPE_CHECKING:
    from cortado.plan import Plan
    from cortado.runtime import Runtime
    from cortado.sensitivity import Table
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("plan")
@click.argument("tables", type=InputPath(), nargs=-1, required=True, metavar="SENSITIVITY.csv...")
@click.option(
    "--model",
    type=InputPath(),
    required=True,
    metavar="MODEL",
    help="The dense model that was swept; its layers are encoded to count bytes.",
)
@data_options(required=False)
@split_option("val", "Choices belong to the val images, a tenth of the training images.")
@click.option(
    "--max-drop",
    type=Number(0, 1, max_open=True),
    help="The accuracy that may be lost, as in 0.005.",
)
@click.option("--target-bytes", type=Number(0, min_open=True), help="Least loss in so many bytes.")
@click.option(
    "--target-sparsity",
    type=Number(0, 1, min_open=True, max_open=True),
    help="Least loss with such a fraction of zeros; weights are not shared.",
)
@click.option(
    "-o",
    "--output",
    type=ReportPath(),
    default=STREAM,
    callback=check_place,
    metavar="PATH",
    help="Where the plan goes, JSON; - is standard output, the default.",
)
@runtime_options
@talk_options
def command(
    *,
    tables: tuple[str, ...],
    model: str,
    data: str | None,
    samples: int | None,
    head: str | None,
    split: Literal["test", "val", "train"],
    max_drop: float | None,
    target_bytes: float | None,
    target_sparsity: float | None,
    output: str,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Choose how far each layer goes, from sensitivity tables, under a budget.

    \b
    cortado plan sensitivity.csv --model lenet.onnx --data mnist/ --max-drop 0.005 -o plan.json
    cortado plan prune.csv bits.csv --model lenet.onnx --target-bytes 20000 -o plan.json
    cortado sensitivity lenet.onnx --data mnist/ | cortado plan - --model lenet.onnx --max-drop 0.01
    cortado prune lenet.onnx --plan plan.json | cortado quantize --plan plan.json -o small.onnx

    Losses come from the tables, bytes from encoding each layer at each sparsity and bits. With
    --max-drop the plan is the smallest that keeps it; with a target the one of least loss that
    reaches it. Exit code 3 says that none does.

    With --data plans are measured as a whole, and --max-drop holds for the upper end of a 95 %
    interval: what as many other images will lose. It reaches down to no loss, as images that the
    model was trained on hide what a change gains. Without --data the layers' drops add up, and the
    interval is a guess.
    """
    from cortado.plan import Budget, encode_plan, make_plan
    from cortado_cli.data import open_measured
    from cortado_cli.streams import read_model, write_artifact

    if (*tables, model).count(STREAM) > 1:
        raise click.UsageError("standard input can be one table, or the model, and no more")
    if data is None:
        refuse_without("--data", ["samples", "head", "split", *RUNTIME])
    budget = Budget(max_drop, target_bytes, target_sparsity)
    merged = _read(tables, talk)
    network = read_model(model)
    images = None if data is None else open_measured(network, data, split, samples, head)
    plan = talk.follow(make_plan(network, merged, budget, images, runtime))
    _tell(talk, plan)
    write_artifact(output, encode_plan(plan))


def _read(paths: tuple[str, ...], talk: "Talk") -> "Table":
    from cortado.sensitivity import merge, read_table
    from cortado_cli.streams import read_input

    tables, sources = [], []
    for path in paths:
        data, source = read_input(path, "table")
        sources.append(source)
        tables.append(read_table(data, source))
        if tables[-1].mended:
            talk.say(f"{source}: its last line is half written, and left out")
    return merge(tables, sources)


def _tell(talk: "Talk", plan: "Plan") -> None:
    from cortado_cli.talk import counted  # imports rich

    rows = [
        (
            layer.name,
            f"{layer.sparsity:.2%}",
            str(layer.bits or "float32"),
            f"{layer.loss:.4f}",
            f"{layer.bytes:,.0f}",
        )
        for layer in plan.layers
    ]
    talk.table(("layer", "sparsity", "bits", "loss", "bytes"), rows)
    expected = plan.expected
    interval = f"{expected.drop_low:.4f} to {expected.drop_high:.4f}"
    loss = (
        f"accuracy lower by {expected.drop:.4f} on {counted(expected.images, 'image')}; "
        f"on as many others by {interval} (95 %)"
        if expected.images
        else f"accuracy lower by {expected.drop:.4f}, the sum of what layers lose alone; "
        f"together perhaps by {interval}, which --data measures"
    )
    talk.say(
        f"Expected: {expected.bytes:,.0f} bytes of weights, {expected.sparsity:.2%} zeros, {loss}"
    )
