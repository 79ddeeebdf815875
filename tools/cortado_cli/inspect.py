"""``cortado inspect``: what a model consists of, layer by layer."""

import sys
from typing import TYPE_CHECKING, Any

import click

from cortado_cli.options import check_file, json_option, talk_options
from cortado_cli.reports import skipped_lines, skipped_reports

if TYPE_CHECKING:
    from cortado.describe import Description, LayerFigures
    from cortado.validate import Candidate
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = (
    *("layer", "op", "shape", "weights", "non-zero", "density", "values", "bits"),
    *("bytes", "bound"),
)


@click.command("inspect")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--plot",
    callback=check_file,
    metavar="PATH.png",
    help="Draw the models side by side, as a picture.",
)
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
    among them; "bytes" is what the layer's weights take, zeros among them. Integer weights that
    emit --kernel made are listed last, as "op" multiplies with them. -v tells how a model
    came to be.
    """
    from cortado.describe import describe
    from cortado.model.metadata import read_history
    from cortado_cli.streams import read_candidate, write_artifact, write_json, write_text

    found = []
    for path in models or ("-",):
        candidate = read_candidate(path)
        found.append((path, candidate, describe(candidate.model)))
        for step in read_history(candidate.model):
            talk.detail(f"{path}: {step}")
    if plot is not None:
        write_artifact(plot, _draw(found))
    if json_path != "-":
        titles = [f"{path}\n" if len(found) > 1 else "" for path, _, _ in found]
        texts = [_show(candidate, description) for _, candidate, description in found]
        write_text("\n".join(map("".join, zip(titles, texts, strict=True))))
    reports = [_report(path, candidate, figures) for path, candidate, figures in found]
    write_json(json_path, None, {"models": reports})


def _draw(found: "list[tuple[str, Candidate, Description]]") -> bytes:
    from cortado.model.layers import find_layers
    from cortado.report import Portrait, draw_overview  # imports matplotlib

    return draw_overview(
        [
            Portrait(
                path.rpartition("/")[2],
                description,
                len(candidate.data),
                find_layers(candidate.model).prunable,
            )
            for path, candidate, description in found
        ]
    )


def _show(candidate: "Candidate", description: "Description") -> str:
    from cortado.emit import read_stored
    from cortado_cli.sizes import HEADINGS, size_rows
    from cortado_cli.talk import format_table

    size, stored = len(candidate.data), read_stored(candidate.data, candidate.model)

    rows = [_row(layer) for layer in (*description.layers, description.total)]
    lines = [_summary(size, description)]
    lines += skipped_lines(description.skipped)
    text = format_table(_HEADINGS, rows, sys.stdout)
    if stored is not None:
        text += "\n" + format_table(HEADINGS, size_rows(stored), sys.stdout) + "\n"
    return text + "".join(f"{line}\n" for line in lines)


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
        f"{layer.bound_bytes:,.0f}",
    )


def _summary(size: int, description: "Description") -> str:
    total = description.total
    return (
        f"file {size:,} bytes; weights {total.dense_bytes:,} bytes dense, "
        f"entropy bound {total.bound_bytes:,.0f}; biases and other constants "
        f"{description.other_bytes:,}. onnxruntime keeps {total.dense_bytes:,} bytes of weights in "
        "memory and computes with every one of them: zeros make no model faster by themselves."
    )


def _report(path: str, candidate: "Candidate", description: "Description") -> dict[str, Any]:
    from cortado.emit import read_stored
    from cortado_cli.sizes import size_reports

    stored = read_stored(candidate.data, candidate.model)
    return {
        "model": path,
        "file_bytes": len(candidate.data),
        "memory_bytes": description.total.dense_bytes + description.other_bytes,
        "stored": None if stored is None else size_reports(stored),
        "other_bytes": description.other_bytes,
        "total": _figures(description.total),
        "layers": [_figures(layer) for layer in description.layers],
        "skipped": skipped_reports(description.skipped),
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
