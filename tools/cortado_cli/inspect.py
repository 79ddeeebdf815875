"""``cortado inspect``: what a model consists of, layer by layer."""

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cortado_cli.options import (
    check_file,
    json_option,
    models_argument,
    refuse_without,
    samples_option,
    talk_options,
)
from cortado_cli.reports import activity_reports, skipped_lines, skipped_reports
from cortado_cli.runtimes import RUNTIME, runtime_options
from cortado_cli.task import data_option, raw_option
from cortado_cli.types import ReportPath

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.emit import Emitted
    from cortado.inspect.activity import LayerActivity
    from cortado.inspect.describe import Description, LayerFigures
    from cortado.runtime import Runtime
    from cortado.validate import Candidate
    from cortado_cli.talk import Talk

__all__ = ["command"]

_HEADINGS = (
    *("layer", "op", "shape", "weights", "non-zero", "density", "values", "bits"),
    *("bytes", "bound"),
)


_ACTIVITY_HEADINGS = ("layer", "units", "active a sample", "least", "most", "never active")


def _check_plot(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse, before any work is done, a file or directory that could not be written to."""
    if value is None or value == "-":
        return check_file(ctx, param, value)
    from cortado import files  # imports onnx, which --help can do without

    if not files.is_folder(value):
        return check_file(ctx, param, value)
    files.check_folder(value)
    return value


@click.command("inspect")
@models_argument
@click.option(
    "--plot",
    type=ReportPath(),
    callback=_check_plot,
    metavar="PATH",
    help="Draw the models side by side, as a .png; into a directory (PATH/), each layer.",
)
@data_option(required=False, purpose="Count how many units of each layer are active on data")
@samples_option(2000, "For --data: a fixed random subset of N training samples.")
@raw_option
@json_option
@runtime_options
@talk_options
def command(
    *,
    models: tuple[str, ...],
    plot: str | None,
    data: str | None,
    samples: int,
    raw: bool,
    json_path: str | None,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Show each layer's weights, zeros, distinct values, entropy and bytes.

    \b
    cortado inspect lenet.onnx
    cortado inspect dense.onnx small.onnx --plot overview.png --json report.json
    cortado inspect dense.onnx small.onnx --plot layers/ --data mnist/

    "values" counts distinct non-zero weights. "bits" is the order-0 entropy of a weight, zeros
    among them; "bytes" is what the layer's weights take, zeros among them. Integer weights that
    emit --kernel made are listed last, as "op" multiplies with them. "bound" is what a code could
    reach that treats weights one by one. A second table tells what each tensor takes in a sparse or
    coded file. -v tells how a model came to be, but for coded files, which do not keep it.

    A picture of a layer shows how its weights are distributed, the values that they share, and
    where they are; several models are compared, the first as the one before. With --data, a unit
    is active on a sample if it gives more than zero anywhere, behind its activation function;
    pictures of layers show how many are. Recurrent layers, layers inside nodes such as If, and
    others that do not answer sample by sample, are not counted. Labels are not used.
    """
    from cortado import files
    from cortado.task.metadata import read_history
    from cortado_cli.streams import write_artifact, write_json, write_text

    if data is None:
        refuse_without("--data", ["samples", "raw", *RUNTIME])
    count = None if data is None else _Count(data, samples, runtime, raw=raw)
    found = [_inspect(path, count, talk) for path in models]
    for file in found:
        for step in read_history(file.candidate.model):
            talk.detail(f"{file.path}: {step}")
    if plot is not None and files.is_folder(plot):
        files.write_folder(plot, _draw_layers(found))
    elif plot is not None:
        write_artifact(plot, _draw(found))
    if json_path != "-":
        titles = [f"{file.path}\n" if len(found) > 1 else "" for file in found]
        texts = map("".join, zip(titles, map(_show, found), strict=True))
        write_text("\n".join(texts))
    write_json(json_path, None, {"models": [_report(file) for file in found]})


@dataclass(frozen=True)
class _Inspected:
    """A file, and what is known of it; of coded files of other versions not how they are stored."""

    path: str
    candidate: "Candidate"
    description: "Description"
    stored: "Emitted | None"
    activity: "tuple[LayerActivity, ...] | None"


@dataclass(frozen=True)
class _Count:
    """The samples on which active units are counted."""

    data: str
    samples: int
    runtime: "Runtime"
    raw: bool

    def __call__(self, model: "ir.Model", talk: "Talk") -> "tuple[LayerActivity, ...]":
        from cortado.data import Feed, Signature, open_data, subset
        from cortado.inspect.activity import measure_activity
        from cortado_cli.data import tell_feed

        data = open_data(self.data, Signature.of(model, raw=self.raw))
        chosen = subset(data.train, self.samples)
        tell_feed(Feed.of(model, raw=self.raw), chosen, talk)
        return talk.follow(measure_activity(model, chosen, self.runtime, raw=self.raw))


def _inspect(path: str, count: _Count | None, talk: "Talk") -> _Inspected:
    from cortado.emit import read_stored
    from cortado.inspect.describe import describe
    from cortado_cli.streams import read_candidate

    candidate = read_candidate(path)
    stored = read_stored(candidate.data, candidate.model)
    activity = None if count is None else count(candidate.model, talk)
    return _Inspected(path, candidate, describe(candidate.model), stored, activity)


def _draw(found: "list[_Inspected]") -> bytes:
    from cortado.model.layers.prunable import find_layers
    from cortado.report import Portrait, draw_overview  # imports matplotlib

    return draw_overview(
        [
            Portrait(
                file.path.rpartition("/")[2],
                file.description,
                len(file.candidate.data),
                find_layers(file.candidate.model).prunable,
            )
            for file in found
        ]
    )


def _draw_layers(found: "list[_Inspected]") -> dict[str, bytes]:
    """Return a picture of each layer of any model, by the name of its file."""
    from cortado.model.layers.prunable import find_layers
    from cortado.report import LayerView, draw_layer, image_of  # imports matplotlib

    titles = [file.path.rpartition("/")[2] for file in found]
    layers = [{x.name: x for x in find_layers(file.candidate.model).prunable} for file in found]
    pictures = {}
    names = list(dict.fromkeys(name for found_here in layers for name in found_here))
    digits = len(str(len(names)))
    for number, name in enumerate(names, start=1):
        views = [
            LayerView(title, here[name], image_of(here[name]), _active(file, name))
            for title, here, file in zip(titles, layers, found, strict=True)
            if name in here
        ]
        safe = re.sub(r"[^\w.-]+", "_", name)
        pictures[f"{number:0{digits}}-{safe}.png"] = draw_layer(views)
    return pictures


def _active(file: _Inspected, name: str) -> str:
    layer = next((layer for layer in file.activity or () if layer.name == name), None)
    return "" if layer is None else f"{layer.mean:,.1f} of {layer.units:,} units active a sample"


def _show(file: _Inspected) -> str:
    from cortado_cli.talk import format_table
    from cortado_cli.tensor_sizes import HEADINGS, size_rows

    description, stored = file.description, file.stored
    rows = [_row(layer) for layer in (*description.layers, description.total)]
    tables = [format_table(_HEADINGS, rows, sys.stdout)]
    if stored is not None and any(tensor.storage != "dense" for tensor in stored.tensors):
        tables.append(format_table(HEADINGS, size_rows(stored), sys.stdout))
    if file.activity:
        rows = [_activity_row(layer) for layer in file.activity]
        tables.append(format_table(_ACTIVITY_HEADINGS, rows, sys.stdout))
    lines = [_summary(len(file.candidate.data), description)]
    if stored is None:
        lines.append("coded by another version: what each tensor takes in the file is not known")
    lines += skipped_lines(description.skipped)
    return "\n".join([*tables, "".join(f"{line}\n" for line in lines)])


def _row(layer: "LayerFigures") -> tuple[str, ...]:
    from cortado.model.shape_text import show_shape

    return (
        layer.name,
        layer.op_type,
        show_shape(layer.shape),
        f"{layer.weights:,}",
        f"{layer.nonzero:,}",
        f"{layer.density:.2%}",
        f"{layer.distinct:,}",
        f"{layer.entropy:.3f}",
        f"{layer.dense_bytes:,}",
        f"{layer.bound_bytes:,.0f}",
    )


def _activity_row(layer: "LayerActivity") -> tuple[str, ...]:
    return (
        layer.name,
        f"{layer.units:,}",
        f"{layer.mean:,.1f}",
        f"{layer.least:,}",
        f"{layer.most:,}",
        f"{layer.never:,}",
    )


def _summary(size: int, description: "Description") -> str:
    total = description.total
    return (
        f"file {size:,} bytes; weights {total.dense_bytes:,} bytes dense, "
        f"entropy bound {total.bound_bytes:,.0f}; biases and other constants "
        f"{description.other_bytes:,}. onnxruntime keeps {total.dense_bytes:,} bytes of weights in "
        "memory and computes with every one of them: zeros make no model faster by themselves."
    )


def _report(file: _Inspected) -> dict[str, Any]:
    from cortado_cli.tensor_sizes import size_reports

    description = file.description
    return {
        "model": file.path,
        "file_bytes": len(file.candidate.data),
        "memory_bytes": description.total.dense_bytes + description.other_bytes,
        "stored": None if file.stored is None else size_reports(file.stored),
        "other_bytes": description.other_bytes,
        "total": _figures(description.total),
        "layers": [_figures(layer) for layer in description.layers],
        "skipped": skipped_reports(description.skipped),
        **({} if file.activity is None else {"activity": activity_reports(file.activity)}),
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
