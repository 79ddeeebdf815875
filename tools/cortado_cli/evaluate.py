"""``cortado evaluate``: accuracy and loss in onnxruntime."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from cortado_cli.choices import split_option
from cortado_cli.options import (
    data_options,
    json_option,
    models_argument,
    talk_options,
)
from cortado_cli.reports import activity_reports
from cortado_cli.runtimes import runtimes_options

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.data import Dataset, Samples
    from cortado.data.images import ImageForm
    from cortado.inspect.activity import LayerActivity
    from cortado.runtime import Runtime
    from cortado.scoring.evaluate import Evaluation, Metric
    from cortado.task.criteria import Criterion
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = ("model", "weights left", "correct", "errors", "accuracy", "loss")


@click.command("evaluate")
@models_argument
@data_options(required=True)
@split_option("test", "val is a tenth of the training images, held out with a fixed seed.")
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
    data: str,
    samples: int | None,
    head: str | None,
    split: Literal["test", "val", "train"],
    activity: bool,
    runtimes: "tuple[Runtime, ...]",
    json_path: str | None,
    talk: "Talk",
) -> None:
    """Measure accuracy and loss of models, image by image, in onnxruntime.

    \b
    cortado evaluate lenet.onnx --data mnist/
    cortado evaluate lenet.onnx --data mnist/ --split val --provider cuda --json -
    cortado evaluate dense.onnx round-*.onnx --data mnist/ --activity

    An image is correct if its label scores strictly highest, as in Caffe. The loss is the mean
    cross-entropy in nats. A model that remembers the losses and metrics that Caffe trained it with
    is measured by them. Several models make a table. A unit, an output or a channel, is active on
    an image if it gives more than zero anywhere, behind its activation function; recurrent layers,
    and others that do not answer image by image, are not counted.
    """
    from cortado_cli.streams import read_model, write_json, write_text

    source = _Source(data, split, samples, {})
    runs: list[_Run] = []
    for path in models:
        network = read_model(path)
        runs += _measure(path, network, source, head, runtimes, talk, activity=activity)
    if json_path != "-":
        write_text("".join(map(_lines, runs)) if len(models) == 1 else _table(runs))
    reports = [run.report() for run in runs]
    write_json(json_path, None, reports[0] if len(runs) == 1 else {"runs": reports})


@dataclass(frozen=True)
class _Source:
    """The images; those of files are decoded as each model takes them, and opened once a form."""

    spec: str
    split: Literal["test", "val", "train"]
    samples: int | None
    opened: "dict[ImageForm, Dataset]"

    def open(self, network: "ir.Model") -> "tuple[Samples, int]":
        """Return the images for a model, and the number of classes."""
        from cortado.data import Feed, subset
        from cortado_cli.data import open_for

        form = Feed.of(network).form
        if form not in self.opened:
            self.opened[form] = open_for(network, self.spec)
        dataset = self.opened[form]
        return subset(dataset.split(self.split), self.samples), dataset.classes


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
    head: str | None,
    runtimes: "Sequence[Runtime]",
    talk: "Talk",
    *,
    activity: bool,
) -> Iterator[_Run]:
    from cortado.inspect.activity import measure_activity
    from cortado.inspect.describe import describe
    from cortado.scoring.evaluate import evaluate

    density = describe(network).total.density
    images, classes = source.open(network)
    active = talk.follow(measure_activity(network, images, runtimes[0])) if activity else None
    for index, runtime in enumerate(runtimes):
        found = talk.follow(evaluate(network, images, classes, head, runtime))
        if index == 0:
            _tell_refused(found, talk)
        yield _Run(path, density, source.split, found, active)


def _table(runs: list[_Run]) -> str:
    """Return what is printed of several runs.

    There is a column for each criterion that says more, and for the active units of each layer.
    """
    from cortado_cli.talk import format_table

    further = dict.fromkeys(_title(x.criterion) for run in runs for x in run.found.further)
    layers = dict.fromkeys(layer.name for run in runs for layer in run.activity or ())
    headings = (*_HEADINGS, *further, *(f"active {name}" for name in layers), "provider")
    rows = [_row(run, list(further), list(layers)) for run in runs]
    first = runs[0]
    images = f"{first.found.samples:,} images of the {first.split} split\n"
    return format_table(headings, rows, sys.stdout) + images


def _row(run: _Run, further: Sequence[str], layers: Sequence[str]) -> tuple[str, ...]:
    from cortado.progress import show_figure

    found = run.found
    counts = (f"{found.correct:,}", f"{found.errors:,}") if found.classified else ("-", "-")
    known = {_title(x.criterion): x.value for x in found.further}
    figures = (found.accuracy, found.loss, *(known.get(name, math.nan) for name in further))
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

    found = run.found
    loss = show_figure(found.loss)
    place = f"{run.split} split, {found.provider}, {found.seconds:.2f} s\n"
    if found.classified:
        first = (
            f"{found.correct:,} of {found.samples:,} correct ({found.errors:,} errors): "
            f"accuracy {show_figure(found.accuracy)}, loss {loss}, {place}"
        )
    else:
        first = f"{found.samples:,} images: loss {loss}, {place}"
    others = [f"{_title(x.criterion)}: {show_figure(x.value)}\n" for x in found.further]
    active = [f"{x.name}: {x.mean:,.1f} of {x.units:,} units active\n" for x in run.activity or ()]
    return "".join((first, *others, *active))


def _title(criterion: "Criterion") -> str:
    if criterion.is_loss:
        return f"{criterion.name} ({criterion.kind}, weight {criterion.weight:g})"
    return f"{criterion.name} (top {criterion.top_k})"


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
