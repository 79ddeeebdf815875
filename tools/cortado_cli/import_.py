"""``cortado import``: a Caffe net or an ONNX file → a plain ONNX model."""

from collections.abc import Callable
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
from cortado_cli.shapes import Mean, Shape

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.caffe import CaffeOptions
    from cortado.model.transform import MeanImage
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
@click.option(
    "--input-mean",
    type=Mean(),
    help="One mean for all channels, one each, or the file of a mean image.",
)
@click.option(
    "--input-crop",
    type=click.IntRange(min=1),
    metavar="SIZE",
    help="The model sees a square of the image: its centre, or anywhere in training.",
)
@click.option(
    "--channel-order",
    type=click.Choice(["bgr", "rgb"]),
    help="How the model takes the colours of image files; Caffe's tools write BGR.",
)
@click.option(
    "--transform-from",
    metavar="PROTOTXT",
    help="Take all of that from the data layer of this training net.",
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
    input_mean: tuple[float, ...] | str | None,
    input_crop: int | None,
    channel_order: Literal["bgr", "rgb"] | None,
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
        options = CaffeOptions(dict(shapes), phase, level, stages, cut_at, detections, _reader(net))
        model, notes = _import_caffe(net, caffemodel, options, seed)
    talk.say_all(notes)
    wish = _Transform(input_scale, input_mean, input_crop, channel_order, transform_from)
    _store_transform(model, wish)
    open_session(encode(model))  # what onnxruntime refuses is refused here
    record(model)
    write_model(output, model)
    write_json(json_path, output, {"notes": list(notes), **_report(model)})


def _import_caffe(
    net: str, caffemodel: str | None, options: "CaffeOptions", seed: int
) -> "tuple[ir.Model, tuple[str, ...]]":
    from cortado import caffe, files
    from cortado_cli.streams import naming

    prototxt = files.read_text(net)
    blobs: caffe.Fillers | caffe.CaffeWeights = caffe.Fillers(seed)
    if caffemodel is not None:
        data = files.read(caffemodel)
        with naming(caffemodel):
            blobs = caffe.read_caffemodel(data)
    with naming(net):
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


@dataclass(frozen=True)
class _Transform:
    """What the command line says about the input transform."""

    scale: float | None
    mean: tuple[float, ...] | str | None
    crop: int | None
    order: Literal["bgr", "rgb"] | None
    prototxt: str | None


def _store_transform(model: "ir.Model", wish: _Transform) -> None:
    """Store the input transform: the net's own, that of another net, or given numbers."""
    from cortado import files
    from cortado.caffe import CaffeOptions, read_transform_param
    from cortado.model.metadata import read_transform, write_transform
    from cortado.model.transform import InputTransform
    from cortado_cli.streams import naming

    transform = read_transform(model)
    if wish.prototxt is not None:
        text = files.read_text(wish.prototxt)
        with naming(wish.prototxt):
            found = read_transform_param(text, CaffeOptions(read_file=_reader(wish.prototxt)))
        if found is None:
            raise CortadoError(f"{wish.prototxt} has no data layer with a transform_param")
        transform = found
    if wish.scale is not None:
        transform = replace(transform, scale=wish.scale)
    if isinstance(wish.mean, str):
        transform = replace(transform, mean=(), image=_read_mean(wish.mean))
    elif wish.mean is not None:
        transform = replace(transform, mean=wish.mean, image=None)
    if wish.crop is not None:
        transform = replace(transform, crop=wish.crop)
    if wish.order is not None:
        transform = replace(transform, order=wish.order)
    if transform != InputTransform():
        write_transform(model, transform)


def _read_mean(path: str) -> "MeanImage":
    from cortado import caffe, files
    from cortado_cli.streams import naming

    data = files.read(path)
    with naming(path):
        return caffe.read_mean(data)


def _reader(prototxt: str) -> Callable[[str], bytes]:
    """Return what reads the files that a prototxt names."""
    from cortado import files

    return lambda path: files.read(files.find_beside(path, prototxt))
