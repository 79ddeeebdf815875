"""``cortado inspect``: what a model consists of, layer by layer."""

import sys
from typing import TYPE_CHECKING, Any

import click

from cortado_cli.options import json_option, talk_options

if TYPE_CHECKING:
    from cortado.describe import Description, LayerFigures
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = ("layer", "op", "shape", "weights", "non-zero", "density", "values", "bits", "bytes")


@click.command("inspect")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--plot", metavar="PATH.png", help="Draw the models side by side, as a picture.")
@json_option
@talk_options
def command(
    *, models: tuple[str, ...], plot: str | None, json_path: str | None, talk: "Talk"
) -> None:
    """Show each layer's weights, zeros, distinct values, entropy and bytes.

    \b
    cortado inspect lenet.onnx
    cortado inspect dense.onnx small.onnx --plot overview.png --json report.json

    "values" counts distinct non-zero weights. "bits" is the order-0 entropy of a weight, zeros
    among them; "bytes" is what the layer's weights take as dense float32. -v tells how a model
    came to be.
    """
    from cortado.describe import describe
    from cortado.model.layers import find_layers
    from cortado.model.metadata import read_history
    from cortado.report import Portrait, draw_overview
    from cortado_cli.streams import read_candidate, write_artifact, write_json, write_text

    reports, texts, portraits = [], [], []
    for path in models or ("-",):
        candidate = read_candidate(path)
        description = describe(candidate.model)
        size = len(candidate.data)
        reports.append(_report(path, size, description))
        layers = find_layers(candidate.model).prunable
        portraits.append(Portrait(path, description, size, layers))
        title = f"{path}\n" if len(models) > 1 else ""
        for step in read_history(candidate.model):
            talk.detail(f"{path}: {step}")
        texts.append(title + _show(size, description))
    if json_path != "-":
        write_text("\n".join(texts))
    write_json(json_path, None, {"models": reports})
    if plot is not None:
        write_artifact(plot, draw_overview(portraits))


def _show(size: int, description: "Description") -> str:
    from cortado_cli.talk import format_table

    rows = [_row(layer) for layer in (*description.layers, description.total)]
    lines = [_summary(size, description)]
    lines += [f"not prunable: {s.name} ({s.op_type}): {s.reason}" for s in description.skipped]
    return format_table(_HEADINGS, rows, sys.stdout) + "".join(f"{line}\n" for line in lines)


def _row(layer: "LayerFigures") -> tuple[str, ...]:
    return (
        layer.name,
        layer.op_type,
        "×".join(map(str, layer.shape)),
        f"{layer.weights:,}",
        f"{layer.nonzero:,}",
        f"{layer.density:.2%}",
        f"{layer.distinct:,}",
        f"{layer.entropy:.3f}",
        f"{layer.dense_bytes:,}",
    )


def _summary(size: int, description: "Description") -> str:
    total = description.total
    return (
        f"file {size:,} bytes; weights {total.dense_bytes:,} bytes dense, "
        f"entropy bound {total.bound_bytes:,.0f}; biases and other constants "
        f"{description.other_bytes:,}. onnxruntime keeps {total.dense_bytes:,} bytes of weights in "
        "memory and computes with every one of them: zeros make no model faster by themselves."
    )


def _report(path: str, size: int, description: "Description") -> dict[str, Any]:
    return {
        "model": path,
        "file_bytes": size,
        "other_bytes": description.other_bytes,
        "total": _figures(description.total),
        "layers": [_figures(layer) for layer in description.layers],
        "skipped": [
            {"name": s.name, "op_type": s.op_type, "reason": s.reason} for s in description.skipped
        ],
    }


def _figures(layer: "LayerFigures") -> dict[str, Any]:
    return {
        "name": layer.name,
        "op_type": layer.op_type,
        "shape": list(layer.shape),
        "weights": layer.weights,
        "nonzero": layer.nonzero,
        "density": layer.density,
        "distinct": layer.distinct,
        "entropy_bits": layer.entropy,
        "dense_bytes": layer.dense_bytes,
        "entropy_bytes": layer.bound_bytes,
    }
