"""``cortado import``: a Caffe net or an ONNX file → a plain ONNX model."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from cortado.errors import LimitNotMetError
from cortado_cli.net import net_options
from cortado_cli.options import (
    json_option,
    output_option,
    refuse_without,
    seed_option,
    talk_options,
)
from cortado_cli.preprocess import reader, store_transform
from cortado_cli.transform import TransformWish, transform_options
from cortado_cli.types import InputPath, Number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from cortado.caffe import CaffeOptions
    from cortado.model.graph.blobs import NamedBlob
    from cortado_cli.talk import Talk

__all__ = ["command"]

_WEIGHTS = (".caffemodel", ".h5")
"""How a file of weights ends that is given alone; beside a prototxt its bytes tell."""

_RULES = ("phase", "level", "stages")  # which layers of a training net; a stored net has none


@click.command("import")
@click.argument("net", type=InputPath(), metavar="PROTOTXT|MODEL")
@click.argument("caffemodel", type=InputPath(), required=False, metavar="[CAFFEMODEL]")
@click.option("--init", is_flag=True, help="Fill a prototxt's layers from its fillers: no weights.")
@net_options
@transform_options
@click.option(
    "--check",
    type=InputPath(),
    metavar="GOLDENS.npz",
    help="Compare blobs with known values, such as Caffe's net.blobs; exit code 3 if one differs "
    "or has a name that the net does not know.",
)
@click.option(
    "--check-tolerance",
    "tolerance",
    type=Number(min=0),
    default=1e-5,
    show_default=True,
    help="The largest difference for --check, as a fraction of a blob's largest value.",
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
    options: "CaffeOptions",
    transform: TransformWish,
    check: str | None,
    tolerance: float,
    output: str,
    json_path: str | None,
    seed: int,
    talk: "Talk",
) -> None:
    """Turn a Caffe net or an ONNX file into a plain ONNX model with dense weights.

    \b
    cortado import deploy.prototxt lenet.caffemodel --input-scale 0.00390625 -o lenet.onnx
    cortado import --init train_val.prototxt --input-shape 64,1,28,28 -o new.onnx
    cortado import lenet.caffemodel --input-shape data=1,1,28,28 -o lenet.onnx
    cortado import exported.onnx --preprocess imagenet -o plain.onnx
    cortado import fast_rcnn.prototxt fast_rcnn.caffemodel --cut-at conv5_3 -o features.onnx
    cortado import deploy.prototxt lenet.caffemodel --check blobs.npz -o lenet.onnx

    A caffemodel alone gives the net that it stores, which was trained, as one would use it.

    A Caffe layer's name becomes the name of its weight, and the batch becomes symbolic. A layer
    that the weights do not have, a wrong shape and an unknown layer type are refused.

    Of an ONNX file, constants behind DequantizeLinear become floats, functions are written out,
    and nodes that were exported in training mode infer.
    """
    from cortado.model.onnx_io.serial import encode_outline
    from cortado.runtime import check_loads
    from cortado_cli.check import check_limit, check_report, compare, show_check
    from cortado_cli.history import record
    from cortado_cli.streams import write_json, write_model

    _check_usage(net, caffemodel, init=init)
    if check is None:
        refuse_without("--check", ["tolerance"])
    if caffemodel is not None or init or _is_alone(net, caffemodel):
        model, notes, blobs = _import_caffe(net, caffemodel, options, seed)
    else:
        model, notes, blobs = _import_onnx(net, options.cut_at)
    talk.say_all(notes)
    store_transform(model, transform)
    check_loads(encode_outline(model))  # what onnxruntime refuses is refused here
    report = {"notes": list(notes), **_report(model)}
    if check is not None:
        checked = compare(check, model, blobs, tolerance)
        show_check(checked, talk)
        report["check"] = check_report(checked)
        try:
            check_limit(checked, tolerance)
        except LimitNotMetError:
            write_json(json_path, None, report)
            raise
    record(model)
    write_model(output, model)
    write_json(json_path, output, report)


def _check_usage(net: str, caffemodel: str | None, *, init: bool) -> None:
    """Refuse combinations of files and options that make no sense."""
    stored = _is_alone(net, caffemodel)
    if caffemodel is None and not init and net.endswith(".prototxt"):
        raise click.UsageError(f"{net} needs a CAFFEMODEL, or --init to fill it from nothing")
    if init and (caffemodel is not None or stored):
        raise click.UsageError("--init starts from nothing: give no CAFFEMODEL with it")
    if not init:
        refuse_without("--init", ["seed"])
    if stored:
        refuse_without("a PROTOTXT", _RULES)
    elif caffemodel is None and not init:
        refuse_without("a PROTOTXT", (*_RULES, "shapes", "detections", "modules"))


def _is_alone(net: str, caffemodel: str | None) -> bool:
    """Return whether the first file is of weights, which shall say what their net is."""
    return caffemodel is None and net.endswith(_WEIGHTS)


def _import_onnx(
    path: str, cut_at: "Sequence[str]"
) -> "tuple[ir.Model, tuple[str, ...], tuple[NamedBlob, ...]]":
    from cortado.model.graph.blobs import blobs_of, with_lost
    from cortado.model.graph.plain import to_plain
    from cortado.task.cut import cut_model, cut_note
    from cortado_cli.streams import read_model

    given = read_model(path)
    plain = to_plain(given)
    model, notes = plain.model, plain.notes
    if cut_at:
        model = cut_model(model, cut_at)
        count = len(plain.model.graph) - len(model.graph)
        notes = (*notes, cut_note(tuple(dict.fromkeys(cut_at)), count, "node"))
    return model, notes, with_lost(blobs_of(model), blobs_of(given))


def _import_caffe(
    net: str, caffemodel: str | None, options: "CaffeOptions", seed: int
) -> "tuple[ir.Model, tuple[str, ...], tuple[NamedBlob, ...]]":
    from cortado import caffe, files
    from cortado_cli.streams import naming

    options = replace(options, read_file=reader(net))
    blobs: caffe.Fillers | caffe.CaffeWeights = caffe.Fillers(seed)
    if _is_alone(net, caffemodel):
        caffemodel = net
    else:
        prototxt = files.read_text(net)
    if caffemodel is not None:
        data = files.read(caffemodel)
        with naming(caffemodel):
            blobs = caffe.read_weights(data)
            if caffemodel == net:
                prototxt = caffe.read_stored_net(data)
    with naming(net):
        imported = caffe.import_caffe(prototxt, blobs, options)
    return imported.model, imported.notes, imported.blobs


def _report(model: "ir.Model") -> dict[str, object]:
    from cortado.model.graph.nodes import opset_of
    from cortado.model.layers.prunable import find_layers
    from cortado.task.metadata import read_criteria
    from cortado_cli.reports import value_reports

    return {
        "layers": len(find_layers(model).prunable),
        "inputs": value_reports(model.graph.inputs),
        "outputs": value_reports(model.graph.outputs),
        "criteria": [asdict(each) for each in read_criteria(model)],
        "opset": opset_of(model),
    }
