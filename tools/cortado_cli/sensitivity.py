"""``cortado sensitivity``: how far each layer can be pruned or shared on its own."""

from typing import TYPE_CHECKING, Literal

import click

from cortado_cli.choice_options import floor_option, method_option, split_option
from cortado_cli.options import (
    STREAM,
    check_file,
    check_place,
    model_argument,
    seed_option,
    talk_options,
)
from cortado_cli.runtimes import runtime_options
from cortado_cli.task import task_options
from cortado_cli.treatments import TreatmentChoice, check_selecting, chosen_levels, sweep_options
from cortado_cli.types import Number, ReportPath

if TYPE_CHECKING:
    from cortado.runtime import Runtime
    from cortado.scoring.limit import MetricLimit
    from cortado.sensitivity import Row, Table
    from cortado_cli.talk import Talk
    from cortado_cli.task import TaskChoice

__all__ = ["command"]


@click.command("sensitivity")
@model_argument
@task_options(required=True)
@split_option("val", "Choices belong to the val images, a tenth of the training images.")
@click.option(
    "--without-labels",
    is_flag=True,
    help="Leave labels out: outputs are compared with those of the dense model.",
)
@sweep_options
@method_option("magnitude", "How weights to prune are chosen, as in cortado prune.")
@click.option("--layers", "selectors", multiple=True, metavar="SELECTOR", help="Only these layers.")
@click.option("--adaptive", is_flag=True, help="Add levels where the metric gets worse steeply.")
@click.option(
    "--within",
    type=Number(0, min_open=True),
    help="Stop a point when its metric is known to so much (95 %). Without: all samples.",
)
@floor_option(
    "Stop a point when its metric is surely worse, and mark the last point of each curve before "
    "that. Without: all samples."
)
@click.option("--workers", type=click.IntRange(1), help="Threads; by default one a core.")
@click.option(
    "-o",
    "--output",
    "table",
    type=ReportPath(),
    default=STREAM,
    callback=check_place,
    metavar="PATH",
    help="The table, CSV; an existing table is resumed. - is standard output, the default.",
)
@click.option(
    "--plot",
    type=ReportPath(),
    callback=check_file,
    metavar="PATH",
    help="Draw the curves as PNG.",
)
@click.option(
    "--report",
    type=ReportPath(),
    callback=check_file,
    metavar="PATH",
    help="Write a page, HTML.",
)
@click.option(
    "--max-drop",
    type=Number(0),
    show_default="0.005 of a fraction such as accuracy; of others, and with --floor, none",
    help="Mark the last point of each curve before the metric gets worse by more.",
)
@runtime_options
@seed_option
@talk_options
def command(
    *,
    model: str,
    choice: "TaskChoice",
    split: Literal["test", "val", "train", "all"],
    without_labels: bool,
    treatments: tuple[TreatmentChoice, ...],
    rates: tuple[float, ...] | None,
    bits: tuple[float, ...] | None,
    method: Literal["magnitude", "random-below", "std", "lamp"],
    selectors: tuple[str, ...],
    adaptive: bool,
    within: float | None,
    floor: float | None,
    workers: int | None,
    table: str,
    plot: str | None,
    report: str | None,
    max_drop: float | None,
    seed: int,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Measure how far each layer can be pruned or shared on its own, as a table.

    \b
    cortado sensitivity lenet.onnx --data mnist/ -o sensitivity.csv --plot sensitivity.png
    cortado sensitivity lenet.onnx --data mnist/ --treatment bits=2,3,4 -o bits.csv
    cortado sensitivity lenet.onnx --data mnist/ --layers 'conv*' --adaptive -o sensitivity.csv
    cortado sensitivity detector.onnx --data photographs/ --metric iou@0.3 -o detector.csv
    torchrun --nproc-per-node 2 -m cortado_cli sensitivity lenet.onnx --data mnist/ -o s.csv

    Each layer is pruned to each rate, or its weights share 2^B values, or another treatment changes
    it, while all other layers stay as they are. A row of the table is such a point: the metric with
    its 95 % interval, how much worse it is than that of the dense model, loss, and divergence from
    the dense model. The first row is the dense model; a layer that can't be swept has a row that
    says why.

    Rows are written every few seconds, up to five points of a layer at a time. The same command
    resumes an interrupted sweep.
    """
    from cortado.progress import finish
    from cortado.scoring.limit import MetricLimit
    from cortado.sensitivity import SweepOptions, Swept, sweep
    from cortado_cli.data import bind_task, choose_split, name_of, open_dataset, tell_inputs
    from cortado_cli.history import typed_line
    from cortado_cli.journal import Journal
    from cortado_cli.streams import read_model, write_artifact
    from cortado_cli.torchrun import count_cores, join_group

    levels = chosen_levels(treatments, rates, bits)
    check_selecting(levels)
    options = SweepOptions(
        treatments=levels,
        method=method,
        selectors=selectors,
        adaptive=adaptive,
        within=within,
        floor=floor,
        workers=workers or runtime.threads or count_cores(),
        seed=seed,
    )
    network = read_model(model)
    data = open_dataset(network, choice)
    task = bind_task(network, choice, runtime, data.unlabelled if without_labels else data)
    part, samples = choose_split(data, split, choice)
    swept = Swept(task, samples, name_of(choice), part)
    group = join_group()
    if group.rank == 0:
        tell_inputs(task, talk)
    journal = Journal(table)
    known = group.gather(journal.read(talk) if group.rank == 0 else ())[0]
    steps = sweep(network, swept, options, known, journal.keep, group, table)
    if group.rank > 0:
        finish(steps)
        return
    found = talk.follow(steps)
    journal.close(found.rows)
    usual = task.metric.usual_drop if floor is None else None
    limit = MetricLimit(usual if max_drop is None else max_drop, floor)
    _tell(talk, found, limit)
    if plot is not None:
        from cortado.report import draw_curves  # imports matplotlib

        write_artifact(plot, draw_curves(found, limit))
    if report is not None:
        from cortado.report import sensitivity_page

        write_artifact(report, sensitivity_page(found, limit, typed_line()))


def _tell(talk: "Talk", table: "Table", limit: "MetricLimit") -> None:
    from cortado.scoring.metrics import metric_title
    from cortado.sensitivity import choose, tell_unreached

    dense = table.dense
    if dense is None or dense.value is None:
        return
    title = metric_title(dense.metric)
    part = "" if dense.split == "all" else f"{dense.split} "
    talk.say(f"dense: {title} {dense.value:.4f} on {dense.total:,} {part}samples")
    if limit.is_stated and table.curves:
        rows = [(c.layer, c.treatment, *_point(choose(c, limit))) for c in table.curves]
        columns = (title, "interval", "worse by", "divergence")
        within = limit.heading(higher_is_better=dense.higher_is_better)
        talk.table(("layer", "treatment", within, *columns), rows)
    talk.say_all([_without(row) for row in table.without_figures])
    if table.unreached:
        talk.say(tell_unreached(table.unreached))


def _point(row: "Row | None") -> tuple[str, ...]:
    from cortado.treatments import treatment_named

    if row is None or row.value is None:
        return ("none", "", "", "", "")
    level = treatment_named(row.treatment).look.level.format(row.level)
    interval = f"{row.ci_low:.4f} … {row.ci_high:.4f}"
    return (level, f"{row.value:.4f}", interval, f"{row.drop:.4f}", f"{row.divergence:.4f}")


def _without(row: "Row") -> str:
    from cortado.treatments import UNTREATED, treatment_named

    if row.treatment in UNTREATED:
        return f"not swept: {row.layer}: {row.note}"
    what = treatment_named(row.treatment).look.phrase.format(f"{row.level:g}")
    return f"no figures: {row.layer} {what}: {row.note}"
