"""``cortado repair``: least squares on the weights that are left."""

import time
from typing import TYPE_CHECKING

import click

from cortado_cli.options import (
    json_option,
    model_argument,
    output_option,
    samples_option,
    seed_option,
    talk_options,
)
from cortado_cli.reports import skipped_lines, skipped_reports
from cortado_cli.runtimes import runtime_options
from cortado_cli.types import InputPath, Number

if TYPE_CHECKING:
    from cortado.repair import Repaired, Step
    from cortado.runtime import Runtime
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
    help="The same model before it was cut.",
)
@click.option(
    "--data",
    type=InputPath(),
    required=True,
    metavar="SPEC",
    help="Images: a .npy, a .npz with x alone, or any data set; labels are not used.",
)
@samples_option(2000, "Fit on a fixed random subset of N images, and check on half as many others.")
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
    data: str,
    samples: int,
    damping: float,
    output: str,
    json_path: str | None,
    seed: int,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Fit the weights that are left to the dense model: no labels, no training.

    \b
    cortado repair pruned.onnx --reference dense.onnx --data mnist/ -o repaired.onnx
    cortado repair pruned.onnx --reference dense.onnx --data images.npy --samples 500 -o out.onnx
    cortado prune dense.onnx --sparsity 0.9 \\
      | cortado repair --reference dense.onnx --data mnist/ -o repaired.onnx

    Layer by layer, least squares on the weights that are not zero, and on the biases; where weights
    share values, on those values. The statistics of BatchNormalizations are measured again.
    "error" is the squared distance to what the dense model gives there, by its variance, on images
    that were not fitted on. A layer that got worse there keeps its values, and so does the whole
    model. "Better" is nearer to the outputs of the dense model, whatever the labels may be.
    """
    from cortado import files
    from cortado.data import Signature, open_data, subset
    from cortado.repair import RepairOptions, repair
    from cortado_cli.history import record
    from cortado_cli.streams import read_model, write_json, write_model

    network, dense = read_model(model), files.read_model(reference)
    dataset = open_data(data, Signature.of(network))
    images, held = subset(dataset.train, samples), subset(dataset.val, max(2, samples // 2))
    begin = time.perf_counter()
    steps = repair(
        network, dense, images, held, RepairOptions(damping=damping, seed=seed, runtime=runtime)
    )
    repaired = talk.follow(steps)
    seconds = time.perf_counter() - begin
    talk.table(_HEADINGS, [_row(step) for step in repaired.steps])
    talk.say(_summary(repaired, len(held), seconds))
    talk.say_all(skipped_lines(repaired.skipped, "repaired"))
    record(repaired.model)
    write_model(output, repaired.model)
    counts = {"images": len(images), "held_images": len(held), "seconds": seconds}
    write_json(json_path, output, {**_report(repaired), **counts})


def _row(step: "Step") -> tuple[str, ...]:
    kept = "yes" if step.kept else "no"
    errors = (f"{step.before:.4f}", f"{step.after:.4f}")
    return (step.name, step.op_type, step.kind, *errors, kept)


def _summary(repaired: "Repaired", held: int, seconds: float) -> str:
    verdict = "" if repaired.kept else "; the model stays as it was"
    return (
        f"outputs: error {repaired.before:.4f} before, {repaired.after:.4f} after, on {held:,} "
        f"images that were not fitted on{verdict}; {seconds:.2f} s"
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
