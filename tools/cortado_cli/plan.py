"""``cortado plan``: how far each layer goes."""

from typing import TYPE_CHECKING

import click

from cortado_cli.choice_options import floor_option, split_option
from cortado_cli.options import (
    STREAM,
    check_place,
    refuse_without,
    talk_options,
)
from cortado_cli.runtimes import RUNTIME, runtime_options
from cortado_cli.task import TASK, task_options
from cortado_cli.treatments import know_treatments, own_option
from cortado_cli.types import InputPath, Number, ReportPath

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.data.splits import SplitName
    from cortado.plan import Plan
    from cortado.runtime import Runtime
    from cortado.sensitivity import Swept, Table
    from cortado_cli.talk import Talk
    from cortado_cli.task import TaskChoice

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
@task_options(required=False)
@split_option("val", "Choices belong to the val images, a tenth of the training images.")
@click.option(
    "--max-drop",
    type=Number(0),
    help="How much worse the metric may get, in its units, as in 0.005.",
)
@floor_option("The worst value of the metric, in place of --max-drop or beside it.")
@click.option(
    "--target-bytes", type=Number(0, min_open=True), help="The plan of least loss within this size."
)
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
@own_option("A treatment of your own that the tables name; its module says how it is applied.")
@runtime_options
@talk_options
def command(
    *,
    tables: tuple[str, ...],
    model: str,
    choice: "TaskChoice",
    split: "SplitName",
    max_drop: float | None,
    floor: float | None,
    target_bytes: float | None,
    target_sparsity: float | None,
    output: str,
    treatments: tuple[str, ...],
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Choose the sparsity and bits of each layer from sensitivity tables, under a budget.

    \b
    cortado plan sensitivity.csv --model lenet.onnx --data mnist/ --max-drop 0.005 -o plan.json
    cortado plan prune.csv bits.csv --model lenet.onnx --target-bytes 20000 -o plan.json
    cortado sensitivity lenet.onnx --data mnist/ | cortado plan - --model lenet.onnx --max-drop 0.01
    cortado prune lenet.onnx --plan plan.json | cortado quantize --plan plan.json -o small.onnx

    Losses come from the tables, bytes from encoding each layer at each sparsity and bits. With
    --max-drop or --floor the plan is the smallest that keeps it; with a target the one of least
    loss that reaches it. Exit code 3 says that none does.

    With --data plans are measured as a whole, and both limits hold for the worse end of a 95 %
    interval: what as many other samples will lose. It reaches down to no loss, as samples that the
    model was trained on hide what a change gains. Metric and output are those of the tables.
    Without --data the layers' drops add up, and the interval is a guess.
    """
    from cortado.plan import Budget, encode_plan, make_plan
    from cortado_cli.data import tell_inputs
    from cortado_cli.streams import read_model, write_artifact

    if (*tables, model).count(STREAM) > 1:
        raise click.UsageError("standard input can be one table, or the model, and no more")
    if choice.data is None:
        refuse_without("--data", [*TASK[1:], "split", *RUNTIME])
    know_treatments(treatments)
    budget = Budget(max_drop, target_bytes, target_sparsity, floor)
    merged = _read(tables, talk)
    network = read_model(model)
    swept = None
    if choice.data is not None:
        swept = _measured_as(merged, network, choice, split, runtime)
    plan = talk.follow(make_plan(network, merged, budget, swept))
    if swept is not None:
        tell_inputs(swept.task, talk)
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


def _measured_as(
    table: "Table",
    network: "ir.Model",
    choice: "TaskChoice",
    split: "SplitName",
    runtime: "Runtime",
) -> "Swept":
    """Return samples, with a task that counts as the table does where nothing else is asked for."""
    from dataclasses import replace

    from cortado.sensitivity import Swept
    from cortado_cli.data import bind_task, choose_split, name_of, open_dataset

    dense = table.dense
    data = open_dataset(network, choice)
    if dense is not None:
        outputs = {str(value.name) for value in network.graph.outputs}
        only = dense.output if len(outputs) > 1 and dense.output in outputs else None
        choice = replace(choice, metric=choice.metric or dense.metric, head=choice.head or only)
    task = bind_task(network, choice, runtime, data)
    if dense is not None and task.against != dense.against == "reference":
        task = bind_task(network, choice, runtime, data.unlabelled)
    part, samples = choose_split(data, split, choice)
    return Swept(task, samples, name_of(choice), part)


def _tell(talk: "Talk", plan: "Plan") -> None:
    from cortado.treatments import all_treatments
    from cortado_cli.talk import counted  # imports rich

    looks = {each.name: each.look for each in all_treatments()}
    rows = [
        (
            layer.name,
            *(look.cell(layer.treatments.get(name)) for name, look in looks.items()),
            f"{layer.loss:.4f}",
            f"{layer.bytes:,.0f}",
        )
        for layer in plan.layers
    ]
    columns = [look.column for look in looks.values()]
    talk.table(("layer", *columns, "loss", "bytes"), rows)
    expected = plan.expected
    drop, low, high = map(_shown, (expected.drop, expected.drop_low, expected.drop_high))
    interval = f"{low} to {high}"
    loss = (
        f"{expected.metric} worse by {drop} on "
        f"{counted(expected.samples, 'sample')}; on as many others by {interval} (95 %)"
        if expected.samples
        else f"{expected.metric} worse by {drop}, the sum of what layers lose alone; "
        f"together perhaps by {interval}, which --data measures"
    )
    talk.say(
        f"Expected: {expected.bytes:,.0f} bytes of weights, {expected.sparsity:.2%} zeros, {loss}"
    )


def _shown(value: float | None) -> str:
    return "any number" if value is None else f"{value:.4f}"
