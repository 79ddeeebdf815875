"""``cortado emit``: the model as a file for onnxruntime."""

from typing import TYPE_CHECKING

import click

from cortado_cli.choice_options import storage_option
from cortado_cli.kernels import KernelChoice, convert, kernel_options
from cortado_cli.options import (
    json_option,
    model_argument,
    output_option,
    talk_options,
)
from cortado_cli.runtimes import runtime_options

if TYPE_CHECKING:
    from cortado.runtime import Runtime
    from cortado_cli.talk import Talk

__all__ = ["command"]


@click.command("emit")
@model_argument
@storage_option("How the tensors are stored that become smaller by it.")
@kernel_options
@output_option
@json_option
@runtime_options
@talk_options
def command(
    *,
    model: str,
    storage: str,
    choice: KernelChoice,
    output: str,
    json_path: str | None,
    runtime: "Runtime",
    talk: "Talk",
) -> None:
    """Write a model as a file that an unmodified onnxruntime loads.

    \b
    cortado emit shared.onnx -o lenet.onnx
    cortado emit shared.onnx --storage sparse -o lenet.onnx
    cortado emit shared.onnx --kernel int8 --data mnist/ -o lenet.onnx

    coded stores positions and shared values of pruned, weight-shared tensors in an entropy code,
    with the standard operators that decode it: onnxruntime runs them once, when it loads the
    file. sparse uses ONNX's sparse initializers for tensors of more than two thirds of zeros.
    dense leaves zeros in place and opens everywhere. Weights inside If, Loop and Scan are coded
    outside of them, where the same name finds them. Whatever a form does not make smaller is
    stored in the next simpler one. A coded file keeps no history of commands, and is of opset 13 at
    least. No form by itself is faster than the dense model or takes
    less memory: onnxruntime computes with every weight. The file is loaded in onnxruntime, and
    its weights are compared bit for bit, before it is written.

    int8 and int4 round the weights of each Gemm and MatMul to integers, and their inputs, while
    the model runs, to 8 bits. int8 does it with convolutions too, if --data shows their inputs.
    What that does to each weight is said; what it does to accuracy, cortado validate tells.
    """
    from cortado.emit import emit
    from cortado_cli.history import record
    from cortado_cli.streams import read_model, write_artifact, write_json
    from cortado_cli.tensor_sizes import HEADINGS, size_reports, size_rows

    network = read_model(model)
    record(network)
    network, kernel = convert(network, choice, runtime, talk)
    emitted = emit(network, storage)
    talk.table(HEADINGS, size_rows(emitted))
    report = size_reports(emitted)
    if kernel is not None:
        report["kernel"] = kernel
    write_artifact(output, emitted.data)
    write_json(json_path, output, report)
