"""``cortado emit``: the model as a file for onnxruntime."""

from typing import TYPE_CHECKING, Literal

import click

from cortado_cli.options import json_option, model_argument, output_option, talk_options

if TYPE_CHECKING:
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("emit")
@model_argument
@click.option(
    "--storage",
    type=click.Choice(["dense", "sparse", "coded"]),
    default="coded",
    show_default=True,
    help="How the tensors are stored that become smaller by it.",
)
@output_option
@json_option
@talk_options
def command(
    *,
    model: str,
    storage: Literal["dense", "sparse", "coded"],
    output: str,
    json_path: str | None,
    talk: "Talk",
) -> None:
    """Write a model as a file that an unmodified onnxruntime loads.

    \b
    cortado emit shared.onnx -o lenet.onnx
    cortado emit shared.onnx --storage sparse -o lenet.onnx

    coded stores positions and shared values of pruned, weight-shared tensors in an entropy code,
    with the standard operators that decode it: onnxruntime runs them once, when it loads the
    file. sparse uses ONNX's sparse initializers for tensors of more than two thirds of zeros.
    dense leaves zeros in place and opens everywhere. Whatever a form does not make smaller is
    stored in the next simpler one. No form is faster than the dense model or takes less memory:
    onnxruntime computes with every weight. The file is loaded in onnxruntime, and its weights
    are compared bit for bit, before it is written.
    """
    from cortado.emit import emit
    from cortado_cli.history import record
    from cortado_cli.sizes import HEADINGS, size_reports, size_rows
    from cortado_cli.streams import read_model, write_artifact, write_json

    network = read_model(model)
    record(network)
    emitted = emit(network, storage)
    talk.table(HEADINGS, size_rows(emitted))
    write_artifact(output, emitted.data)
    write_json(json_path, output, dict(size_reports(emitted)))
