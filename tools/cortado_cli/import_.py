"""``cortado import``: a Caffe net or an ONNX file → a plain ONNX model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import click

from cortado.errors import CortadoError
from cortado_cli.options import (
    Finite,
    json_option,
    output_option,
    refuse_without,
    seed_option,
    talk_options,
)
from cortado_cli.shapes import Numbers, Shape

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.caffe import CaffeOptions
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("import")
@click.argument("net", metavar="PROTOTXT|MODEL.onnx")
@click.argument("caffemodel", required=False, metavar="[CAFFEMODEL]")
@click.option("--init", is_flag=True, help="Fill a prototxt's layers from its fillers: no weights.")
@click.option(
    "--input-shape",
    "shapes",
    type=Shape(),
    multiple=True,
    help="The shape of an input that the prototxt leaves open, or another shape for it.",
)
@click.option(
    "--phase",
    type=click.Choice(["TEST", "TRAIN"]),
    default="TEST",
    show_default=True,
    help="The net's phase: layers of the other one are left out.",
)
@click.option("--level", type=int, default=0, show_default=True, help="The net's level.")
@click.option("--stage", "stages", multiple=True, metavar="NAME", help="A stage of the net.")
@click.option(
    "--cut-at",
    multiple=True,
    metavar="BLOB",
    help="Make this blob an output, and leave out what only later layers need; repeatable.",
)
@click.option(
    "--detections",
    type=click.Choice(["cut", "decode"]),
    default="cut",
    show_default=True,
    help="A detector ends before its DetectionOutput, or with it, as NonMaxSuppression.",
)
@click.option(
    "--layers",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="A Python module that converts layer types of its own; see docs/layers.md.",
)
@click.option("--input-scale", type=Finite(), metavar="S", help="Inputs are (pixel - mean) * S.")
@click.option("--input-mean", type=Numbers(), help="One mean for all channels, or one each.")
@click.option(
    "--transform-from",
    metavar="PROTOTXT",
    help="Take scale and mean from the data layer of this training net.",
)
@output_option
@json_option
@seed_option
@talk_options
def command(
    *,
    net: str,
    caffemodel: str | None,
    init: bool,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    phase: Literal["TEST", "TRAIN"],
    level: int,
    stages: tuple[str, ...],
    cut_at: tuple[str, ...],
    detections: Literal["cut", "decode"],
    modules: tuple[str, ...],
    input_scale: float | None,
    input_mean: tuple[float, ...] | None,
    transform_from: str | None,
    output: str,
    json_path: str | None,
    seed: int,
    talk: "Talk",
) -> None:
    """Turn a Caffe net or an ONNX file into a plain ONNX model with dense weights.

    \b
    cortado import deploy.prototxt lenet.caffemodel --input-scale 0.00390625 -o lenet.onnx
    cortado import --init train_val.prototxt --input-shape 64,1,28,28 -o new.onnx
    cortado import exported.onnx -o plain.onnx
    cortado import fast_rcnn.prototxt fast_rcnn.caffemodel --cut-at conv5_3 -o features.onnx

    A Caffe layer's name becomes the name of its weight, and the batch becomes symbolic. A layer
    that the weights do not have, a wrong shape and an unknown layer type are refused.
    """
    from cortado.caffe import CaffeOptions
    from cortado.model.cut import cut_model
    from cortado.model.serial import encode
    from cortado.plugins import import_module
    from cortado.session import open_session
    from cortado_cli.history import record
    from cortado_cli.streams import read_model, write_json, write_model

    if caffemodel is None and not init and net.endswith(".prototxt"):
        raise click.UsageError(f"{net} needs a CAFFEMODEL, or --init to fill it from nothing")
    if caffemodel is not None and init:
        raise click.UsageError("--init starts from nothing: give no CAFFEMODEL with it")
    notes: tuple[str, ...] = ()
    if caffemodel is None and not init:
        refuse_without(
            "a PROTOTXT", ["shapes", "phase", "level", "stages", "detections", "modules"]
        )
        model = read_model(net)
        if cut_at:
            model = cut_model(model, cut_at)
    else:
        for module in modules:
            import_module(module, f"--layers {module}")
        options = CaffeOptions(dict(shapes), phase, level, stages, cut_at, detections)
        model, notes = _import_caffe(net, caffemodel, options, seed)
    talk.say_all(notes)
    _store_transform(model, _Transform(input_scale, input_mean, transform_from))
    open_session(encode(model))  # what onnxruntime refuses is refused here
    record(model)
    write_model(output, model)
    write_json(json_path, output, {"notes": list(notes), **_report(model)})


def _import_caffe(
    net: str, caffemodel: str | None, options: "CaffeOptions", seed: int
) -> "tuple[ir.Model, tuple[str, ...]]":
    from cortado import caffe, files

    prototxt = files.read_text(net)
    blobs: caffe.Fillers | caffe.CaffeWeights = caffe.Fillers(seed)
    if caffemodel is not None:
        data = files.read(caffemodel)
        with _errors_name(caffemodel):
            blobs = caffe.read_caffemodel(data)
    with _errors_name(net):
        imported = caffe.import_caffe(prototxt, blobs, options)
    return imported.model, tuple(imported.notes)


def _report(model: "ir.Model") -> dict[str, object]:
    from cortado.model.layers import find_layers
    from cortado_cli.reports import value_reports

    return {
        "layers": len(find_layers(model).prunable),
        "inputs": value_reports(model.graph.inputs),
        "outputs": value_reports(model.graph.outputs),
        "opset": model.opset_imports.get("", model.opset_imports.get("ai.onnx")),
    }


@contextmanager
def _errors_name(path: str) -> Iterator[None]:
    """Begin the messages of errors with the file that they are about."""
    try:
        yield
    except CortadoError as error:
        raise type(error)(f"{path}: {error}") from error


@dataclass(frozen=True)
class _Transform:
    """What the command line says about the input transform."""

    scale: float | None
    mean: tuple[float, ...] | None
    prototxt: str | None


def _store_transform(model: "ir.Model", wish: _Transform) -> None:
    """Store the input transform: the net's own, that of another net, or given numbers."""
    from cortado import files
    from cortado.caffe import read_transform_param
    from cortado.model.metadata import InputTransform, read_transform, write_transform

    transform = read_transform(model)
    if wish.prototxt is not None:
        text = files.read_text(wish.prototxt)
        with _errors_name(wish.prototxt):
            found = read_transform_param(text)
        if found is None:
            raise CortadoError(f"{wish.prototxt} has no data layer with a transform_param")
        transform = found
    if wish.scale is not None:
        transform = replace(transform, scale=wish.scale)
    if wish.mean is not None:
        transform = replace(transform, mean=wish.mean)
    if transform != InputTransform():
        write_transform(model, transform)
