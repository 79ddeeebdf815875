"""``cortado prune``: set weights to zero."""

from typing import TYPE_CHECKING, Literal

import click

from cortado_cli.choice_options import method_option, scope_option
from cortado_cli.options import (
    json_option,
    model_argument,
    output_option,
    refuse_without,
    seed_option,
    selector_option,
    talk_options,
)
from cortado_cli.reports import skipped_lines, skipped_reports
from cortado_cli.treatments import know_treatments, own_option
from cortado_cli.types import InputPath, Number

if TYPE_CHECKING:
    from cortado.model.layers.selector import Assignment
    from cortado.prune import LayerSparsity, Pruned
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("prune")
@model_argument
@selector_option("--sparsity", Number(0, 1, max_open=True), "Fraction of zeros, as in 'fc*=0.95'.")
@selector_option(
    "--cut", Number(0, 1, max_open=True), "Fraction of the remaining non-zero weights."
)
@selector_option("--quality", Number(0), "Prune |w| up to N standard deviations (method std).")
@click.option(
    "--plan",
    type=InputPath(),
    metavar="PATH",
    help="Sparsities and method of a plan that was made for this model, see cortado plan.",
)
@own_option("A treatment of your own that the plan names.")
@method_option("magnitude", "How weights are chosen; see above.")
@scope_option("One threshold a layer, or one for all; global is the default of std and lamp.")
@output_option
@json_option
@seed_option
@talk_options
def command(
    *,
    model: str,
    sparsity: "tuple[Assignment[float], ...]",
    cut: "tuple[Assignment[float], ...]",
    quality: "tuple[Assignment[float], ...]",
    plan: str | None,
    treatments: tuple[str, ...],
    method: Literal["magnitude", "random-below", "std", "lamp"],
    scope: Literal["layer", "global"] | None,
    output: str,
    json_path: str | None,
    seed: int,
    talk: "Talk",
) -> None:
    """Set the least important weights to zero; existing zeros stay.

    \b
    cortado prune lenet.onnx --sparsity 0.9 -o pruned.onnx
    cortado prune lenet.onnx --sparsity 'conv*=0.6' --sparsity 'fc*=0.95' -o pruned.onnx
    cortado prune round-1.onnx --cut 0.05 | cortado retrain --data mnist/ -o round-2.onnx
    cortado prune lenet.onnx --method lamp --sparsity 0.98 -o pruned.onnx
    cortado prune lenet.onnx --method std --quality 1.2 -o pruned.onnx
    cortado prune lenet.onnx --plan plan.json | cortado quantize --plan plan.json -o small.onnx

    magnitude: prune |w| up to the threshold that the sparsity asks for. random-below: keep a
    weight below the threshold t with probability |w|/t. std: compare |w| in units of the layer's
    standard deviation. lamp: compare w² with the sum of squares of all larger weights.
    """
    from cortado.prune import PruneOptions, prune, prune_by_quality, prune_further
    from cortado_cli.history import record
    from cortado_cli.streams import naming, read_model, write_json, write_model

    if method != "std":
        refuse_without("--method std", ["quality"])
    if bool(sparsity) + bool(cut) + bool(quality) + (plan is not None) != 1:
        raise click.UsageError("say how much to prune, with --sparsity, --cut, --quality or --plan")
    if not sparsity and not cut:
        needless = ["scope"] if quality else ["scope", "method", "seed"]
        refuse_without("--sparsity or --cut", needless)
    if plan is None:
        refuse_without("--plan", ["treatments"])
    know_treatments(treatments)
    network = read_model(model)
    if plan is not None:
        from cortado.plan import prune_by_plan
        from cortado_cli.data import read_plan

        read = read_plan(plan)
        with naming(plan):
            pruned = prune_by_plan(network, read)
    elif quality:
        pruned = prune_by_quality(network, quality)
    else:
        options = PruneOptions(method, scope, seed)
        pruned = prune_further(network, cut, options) if cut else prune(network, sparsity, options)
    headings = ("layer", "weights", "zeros before", "zeros after", "sparsity")
    talk.table(headings, [_row(layer) for layer in pruned.layers])
    talk.say_all(skipped_lines(pruned.skipped))
    record(pruned.model)
    write_model(output, pruned.model)
    write_json(json_path, output, _report(pruned))


def _row(layer: "LayerSparsity") -> tuple[str, ...]:
    return (
        layer.name,
        f"{layer.weights:,}",
        f"{layer.zeros_before:,}",
        f"{layer.zeros_after:,}",
        f"{layer.zeros_after / layer.weights:.2%}",
    )


def _report(pruned: "Pruned") -> dict[str, object]:
    layers = [
        {
            "name": layer.name,
            "weights": layer.weights,
            "zeros_before": layer.zeros_before,
            "zeros_after": layer.zeros_after,
        }
        for layer in pruned.layers
    ]
    skipped = skipped_reports(pruned.skipped)
    return {"sparsity": pruned.sparsity, "layers": layers, "skipped": skipped}
