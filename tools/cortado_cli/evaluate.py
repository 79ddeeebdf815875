"""``cortado evaluate``: accuracy and loss in onnxruntime."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cortado_cli.choice_options import split_option
from cortado_cli.options import (
    json_option,
    models_argument,
    talk_options,
)
from cortado_cli.reports import activity_reports
from cortado_cli.runtimes import runtimes_options
from cortado_cli.task import TaskChoice, task_options
from cortado_cli.types import InputPath

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.data import Dataset, Samples, Signature
    from cortado.data.splits import SplitName
    from cortado.inspect.activity import LayerActivity
    from cortado.runtime import Runtime
    from cortado.scoring.evaluate import Evaluation, Measured
    from cortado.scoring.task import Task
    from cortado.task.criteria import Criterion
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = ("model", "weights left", "correct", "errors")


@click.command("evaluate")
@models_argument
@task_options(required=True)
@split_option(
    "test", "val is a tenth of the training part, held out with a fixed seed; all: undivided."
)
@click.option(
    "--reference",
    type=InputPath(),
    metavar="REF",
    help="The dense model, for metrics that compare with its outputs.",
)
@click.option(
    "--activity",
    is_flag=True,
    help="Count how many units of each layer are active on an image, on average.",
)
@runtimes_options
@json_option
@talk_options
def command(
    *,
    models: tuple[str, ...],
    choice: TaskChoice,
    split: "SplitName",
    reference: str | None,
    activity: bool,
    runtimes: "tuple[Runtime, ...]",
    json_path: str | None,
    talk: "Talk",
) -> None:
    """Measure models on data in onnxruntime: accuracy and loss, or any other metric.

    \b
    cortado evaluate lenet.onnx --data mnist/
    cortado evaluate lenet.onnx --data mnist/ --split val --provider cuda --json -
    cortado evaluate dense.onnx round-*.onnx --data mnist/ --activity
    cortado evaluate small.onnx --reference detector.onnx --data photos/ --metric iou@0.3

    A prediction counts as correct if the label has the strictly highest score, as in Caffe. The
    loss is the mean cross-entropy in nats. A model that remembers the losses and metrics that Caffe
    trained it with is measured by them. Several models make a table. A unit, an output or a
    channel, is active on a sample if it gives more than zero anywhere, behind its activation
    function; recurrent layers, and others that do not answer sample by sample, are not counted.
    """
    from cortado import files
    from cortado_cli.streams import read_model, write_json, write_text

    dense = None if reference is None else files.read_model(reference)
    source = _Source(choice, split, dense, {})
    runs: list[_Run] = []
    for path in models:
        runs += _measure(path, read_model(path), source, runtimes, talk, activity=activity)
    if json_path != "-":
        write_text("".join(map(_lines, runs)) if len(models) == 1 else _table(runs))
    reports = [run.report() for run in runs]
    write_json(json_path, None, reports[0] if len(runs) == 1 else {"runs": reports})


@dataclass(frozen=True)
class _Source:
    """The samples, opened once for models that want the same of them."""

    choice: TaskChoice
    split: "SplitName"
    dense: "ir.Model | None"
    opened: "dict[Signature, Dataset]"

    def bind(self, network: "ir.Model", runtime: "Runtime") -> "tuple[Task, str, Samples]":
        """Return the task of a model, the part of the data that is measured and its samples."""
        from cortado.data import Signature
        from cortado_cli.data import bind_task, choose_split, open_dataset

        signature = Signature.of(network, raw=self.choice.raw)
        if signature not in self.opened:
            self.opened[signature] = open_dataset(network, self.choice)
        data = self.opened[signature]
        task = bind_task(self.dense or network, self.choice, runtime, data)
        if self.dense is None and task.unfit:
            raise click.UsageError(
                f"the metric {task.metric.name} does not take {task.unfit}, and so compares with "
                "the dense model: name it with --reference"
            )
        if self.dense is None and task.against == "reference":
            raise click.UsageError(
                f"the metric {task.metric.name} compares with the dense model: name it with "
                "--reference, or give the data labels"
            )
        return task.for_model(network), *choose_split(data, self.split, self.choice)


@dataclass(frozen=True)
class _Run:
    """One model on one provider.

    `density` is the fraction of weights that are not zero; `activity` is None where it was not
    asked for.
    """

    path: str
    density: float
    split: str
    found: "Evaluation"
    activity: "tuple[LayerActivity, ...] | None"

    def report(self) -> dict[str, Any]:
        """Return it as `json` can write it."""
        return {
            "model": self.path,
            "density": self.density,
            "samples": self.found.samples,
            "correct": self.found.correct,
            "accuracy": self.found.accuracy,
            "metric": self.found.metric,
            "value": self.found.value,
            "loss": self.found.loss,
            "provider": self.found.provider,
            "split": self.split,
            "seconds": self.found.seconds,
            **_criteria_report(self.found.metrics),
            **({} if self.activity is None else {"activity": activity_reports(self.activity)}),
        }


def _tell_refused(found: "Evaluation", talk: "Talk") -> None:
    talk.say_all([f"{x.name} ({x.kind}) is not measured: {x.refusal}" for x in found.refused])


def _measure(
    path: str,
    network: "ir.Model",
    source: _Source,
    runtimes: "Sequence[Runtime]",
    talk: "Talk",
    *,
    activity: bool,
) -> Iterator[_Run]:
    from cortado.inspect.activity import measure_activity
    from cortado.inspect.describe import describe
    from cortado.scoring.evaluate import evaluate
    from cortado_cli.data import tell_inputs

    density = describe(network).total.density
    active = None
    for index, runtime in enumerate(runtimes):
        task, split, samples = source.bind(network, runtime)
        if index == 0:
            tell_inputs(task, talk)
            if activity:
                active = talk.follow(measure_activity(network, samples, runtime))
        found = talk.follow(evaluate(network, task, samples))
        if index == 0:
            _tell_refused(found, talk)
        yield _Run(path, density, split, found, active)


def _table(runs: list[_Run]) -> str:
    """Return what is printed of several runs.

    There is a column for each criterion that says more, and for the active units of each layer.
    """
    from cortado.scoring.metrics import metric_title
    from cortado_cli.talk import format_table

    further = dict.fromkeys(_title(x.criterion) for run in runs for x in run.found.further)
    layers = dict.fromkeys(layer.name for run in runs for layer in run.activity or ())
    headings = (
        *_HEADINGS,
        metric_title(runs[0].found.metric),
        "loss",
        *further,
        *(f"active {name}" for name in layers),
        "provider",
    )
    rows = [_row(run, list(further), list(layers)) for run in runs]
    first = runs[0]
    samples = f"{first.found.samples:,} samples of the {first.split} split\n"
    return format_table(headings, rows, sys.stdout) + samples


def _row(run: _Run, further: Sequence[str], layers: Sequence[str]) -> tuple[str, ...]:
    from cortado.progress import show_figure

    found = run.found
    counts = (f"{found.correct:,}", f"{found.errors:,}") if found.classified else ("-", "-")
    known = {_title(x.criterion): x.value for x in found.further}
    figures = (found.value, found.loss, *(known.get(name, math.nan) for name in further))
    means = {layer.name: f"{layer.mean:,.1f}" for layer in run.activity or ()}
    units = (means.get(name, "-") for name in layers)
    return (
        run.path,
        f"{run.density:.2%}",
        *counts,
        *map(show_figure, figures),
        *units,
        found.provider,
    )


def _lines(run: _Run) -> str:
    """Return what is printed of one run: a line, and one for each criterion that says more."""
    from cortado.progress import show_figure
    from cortado.scoring.metrics import metric_title

    found, title = run.found, metric_title(run.found.metric)
    loss = show_figure(found.loss)
    place = f"{run.split} split, {found.provider}, {found.seconds:.2f} s\n"
    if found.classified:
        first = (
            f"{found.correct:,} of {found.samples:,} correct ({found.errors:,} errors): "
            f"{title} {show_figure(found.value)}, loss {loss}, {place}"
        )
    else:
        first = (
            f"{found.samples:,} samples: {title} {show_figure(found.value)}, loss {loss}, {place}"
        )
    others = [f"{_title(x.criterion)}: {show_figure(x.value)}\n" for x in found.further]
    active = [f"{x.name}: {x.mean:,.1f} of {x.units:,} units active\n" for x in run.activity or ()]
    return "".join((first, *others, *active))


def _title(criterion: "Criterion") -> str:
    if criterion.is_loss:
        return f"{criterion.name} ({criterion.kind}, weight {criterion.weight:g})"
    return f"{criterion.name} (top {criterion.top_k})"


def _criteria_report(metrics: "Sequence[Measured]") -> dict[str, object]:
    """Return the field of the model's criteria, if it has any."""
    return {"criteria": [_criterion_report(metric) for metric in metrics]} if metrics else {}


def _criterion_report(metric: "Measured") -> dict[str, object]:
    criterion = metric.criterion
    return {
        "name": criterion.name,
        "kind": criterion.kind,
        "scores": criterion.scores,
        "weight": criterion.weight,
        "top_k": criterion.top_k,
        "value": metric.value,
    }
