"""``cortado repair``: least squares on the weights that are left."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from cortado_cli.options import (
    json_option,
    model_argument,
    output_option,
    refuse_without,
    seed_option,
    talk_options,
)
from cortado_cli.reports import skipped_lines, skipped_reports
from cortado_cli.runtimes import runtime_options
from cortado_cli.task import TaskChoice, task_options
from cortado_cli.types import InputPath, Number

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.data import Dataset
    from cortado.repair import Repaired, Step
    from cortado.runtime import Runtime
    from cortado.scoring.judge import Judge
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = ("layer", "op", "fitted", "error before", "after", "kept")


@click.command("repair")
@model_argument
@click.option(
    "--reference",
    type=InputPath(),
    required=True,
    metavar="DENSE",
    help="The model before it was pruned or shared.",
)
@task_options(
    required=True,
    most=2000,
    samples="Fit on a fixed random subset of N samples, and check on half as many others.",
)
@click.option(
    "--damping",
    type=Number(min=0, min_open=True),
    default=0.01,
    show_default=True,
    help="Draws weights to their old values; a fraction of the variance of a layer's inputs.",
)
@output_option
@json_option
@runtime_options
@seed_option
@talk_options
def command(
    *,
    model: str,
    reference: str,
    choice: TaskChoice,
    damping: float,
    output: str,
    json_path: str | None,
    seed: int,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Fit the remaining weights to the dense model: no labels, no training.

    \b
    cortado repair pruned.onnx --reference dense.onnx --data mnist/ -o repaired.onnx
    cortado repair pruned.onnx --reference dense.onnx --data images.npy --samples 500 -o out.onnx
    cortado repair ocr.onnx --reference dense.onnx --data lines/ --metric cer -o out.onnx
    cortado prune dense.onnx --sparsity 0.9 \\
      | cortado repair --reference dense.onnx --data mnist/ -o repaired.onnx

    Layer by layer, least squares on the weights that are not zero, and on the biases; where weights
    share values, on those values. The statistics of BatchNormalizations are measured again. Layers
    inside nodes such as If, and recurrent ones, stay, and are listed.

    "error" is the squared distance to what the dense model gives there, by its variance, on samples
    that were not fitted on. A layer that got worse there keeps its values, and so does the whole
    model. "Better" is nearer to the outputs of the dense model, whatever the labels may be. With
    --metric, the metric is measured on the same samples, before and after.
    """
    from cortado import files
    from cortado.data import Feed, subset
    from cortado.errors import CortadoError
    from cortado.repair import RepairOptions, repair
    from cortado_cli.data import open_dataset, tell_feed
    from cortado_cli.history import record
    from cortado_cli.streams import read_model, write_json, write_model

    if not choice.metric:
        refuse_without("--metric", ["head", "labels", "alphabet"])
    network, dense = read_model(model), files.read_model(reference)
    data = open_dataset(network, choice)
    count = choice.samples or len(data.train)
    samples, held = subset(data.train, count), subset(data.val, max(2, count // 2))
    tell_feed(Feed.of(network, raw=choice.raw), samples, talk)
    metric = _Metric.of((dense, network), choice, replace(data, val=held), runtime)
    begin = time.perf_counter()
    options = RepairOptions(damping=damping, seed=seed, runtime=runtime, raw=choice.raw)
    repaired = talk.follow(repair(network, dense, samples, held, options))
    seconds = time.perf_counter() - begin
    if repaired.refusal:
        raise CortadoError(repaired.refusal)
    talk.table(_HEADINGS, [_row(step) for step in repaired.steps])
    talk.say(_summary(repaired, len(held), seconds))
    figures = {} if metric is None else metric.report(repaired.model, talk)
    talk.say_all(skipped_lines(repaired.skipped, "repaired"))
    record(repaired.model)
    write_model(output, repaired.model)
    counts = {"samples": len(samples), "held_samples": len(held), "seconds": seconds}
    write_json(json_path, output, {**_report(repaired), **figures, **counts})


@dataclass(frozen=True)
class _Metric:
    """The value of ``--metric`` on held samples before the repair."""

    judge: "Judge"
    before: float

    @classmethod
    def of(
        cls,
        models: "tuple[ir.Model, ir.Model]",
        choice: TaskChoice,
        data: "Dataset",
        runtime: "Runtime",
    ) -> "_Metric | None":
        """Measure the second model, against the first; None without a metric."""
        if not choice.metric:
            return None
        from cortado.scoring.judge import Judge
        from cortado_cli.data import bind_task

        dense, network = models
        judge = Judge(bind_task(dense, choice, runtime, data), data.val)
        return cls(judge, judge.score(network).value)

    def report(self, repaired: "ir.Model", talk: "Talk") -> dict[str, object]:
        """Print the metric after the repair, and return it for a report."""
        name, after = self.judge.task.metric.name, self.judge.score(repaired).value
        talk.say(f"{name}: {self.before:.4f} before, {after:.4f} after")
        return {"metric": name, "metric_before": self.before, "metric_after": after}


def _row(step: "Step") -> tuple[str, ...]:
    kept = "yes" if step.kept else "no"
    errors = (f"{step.before:.4f}", f"{step.after:.4f}")
    return (step.name, step.op_type, step.kind, *errors, kept)


def _summary(repaired: "Repaired", held: int, seconds: float) -> str:
    verdict = "" if repaired.kept else "; the model stays as it was"
    return (
        f"outputs: error {repaired.before:.4f} before, {repaired.after:.4f} after, on {held:,} "
        f"samples that were not fitted on{verdict}; {seconds:.2f} s"
    )


def _report(repaired: "Repaired") -> dict[str, object]:
    return {
        "layers": [
            {
                "name": step.name,
                "op_type": step.op_type,
                "fitted": step.kind,
                "error_before": step.before,
                "error_after": step.after,
                "kept": step.kept,
            }
            for step in repaired.steps
        ],
        "skipped": skipped_reports(repaired.skipped),
        "error_before": repaired.before,
        "error_after": repaired.after,
        "kept": repaired.kept,
    }
