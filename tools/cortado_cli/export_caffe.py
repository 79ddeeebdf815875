"""``cortado export-caffe``: a model → the .caffemodel of the net that it came from."""

from typing import TYPE_CHECKING

import click

from cortado_cli.net import net_options
from cortado_cli.options import (
    json_option,
    model_argument,
    output_option,
    talk_options,
)
from cortado_cli.types import InputPath

if TYPE_CHECKING:
    from cortado.caffe import CaffeOptions, LayerBlobs
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("export-caffe")
@model_argument
@click.option(
    "--prototxt",
    type=InputPath(),
    required=True,
    metavar="PATH",
    help="The net that the model was imported from.",
)
@click.option(
    "--weights",
    type=InputPath(),
    metavar="PATH",
    help="The weights that it was imported with, for blobs that a model does not hold.",
)
@net_options
@output_option
@json_option
@talk_options
def command(
    *,
    model: str,
    prototxt: str,
    weights: str | None,
    options: "CaffeOptions",
    output: str,
    json_path: str | None,
    talk: "Talk",
) -> None:
    """Write a model's weights into a caffemodel of the net that it came from.

    \b
    cortado export-caffe pruned.onnx --prototxt deploy.prototxt -o pruned.caffemodel
    cortado export-caffe head.onnx --prototxt deploy.prototxt --cut-at fc7 -o head.caffemodel

    Every layer gets its blobs in Caffe's order and shapes. A model that is not of this net, or
    has values that Caffe has no place for, is refused. The file is imported as a test before it
    is written: it must give the model back, value for value.

    What the model was imported with must be given again: --cut-at, --phase, --level, --stage,
    --detections and --layers. Of --input-shape, only what the model leaves open.
    """
    from cortado import caffe, files
    from cortado_cli.streams import naming, read_model, write_artifact, write_json

    text = files.read_text(prototxt)
    original = None
    if weights is not None:
        data = files.read(weights)
        with naming(weights):
            original = caffe.read_weights(data)
    network = read_model(model)
    with naming(prototxt):
        exported = caffe.export_caffe(network, text, original, options)
    talk.say_all(exported.notes)
    write_artifact(output, exported.data)
    report = {"notes": list(exported.notes), "layers": [_report(x) for x in exported.layers]}
    write_json(json_path, output, {"file_bytes": len(exported.data), **report})


def _report(layer: "LayerBlobs") -> dict[str, object]:
    shapes = [list(array.shape) for array in layer.arrays]
    return {"name": layer.name, "type": layer.type, "shapes": shapes}
