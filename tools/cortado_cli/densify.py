"""``cortado densify``: any stored form → a plain dense ONNX model."""

from typing import TYPE_CHECKING

import click

from cortado_cli.options import (
    json_option,
    model_argument,
    output_option,
    talk_options,
)

if TYPE_CHECKING:
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("densify")
@model_argument
@output_option
@json_option
@talk_options
def command(*, model: str, output: str, json_path: str | None, talk: "Talk") -> None:
    """Turn any stored form back into a plain dense ONNX model, every weight bit for bit.

    \b
    cortado densify lenet-sparse.onnx -o lenet.onnx
    """
    from cortado.model.graph.constants import initializers_of
    from cortado.model.onnx_io.serial import encode
    from cortado_cli.reports import value_reports
    from cortado_cli.streams import read_model, write_artifact, write_json

    network = read_model(model)
    data = encode(network)
    talk.detail(f"{len(data):,} bytes, dense")
    write_artifact(output, data)
    tensors = value_reports(initializers_of(network).values())
    write_json(json_path, output, {"file_bytes": len(data), "tensors": tensors})
