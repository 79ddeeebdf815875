"""The options of integer kernels, and what is said about the layers that get one."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from cortado_cli.options import (
    refuse_without,
    samples_option,
)
from cortado_cli.reports import skipped_lines, skipped_reports
from cortado_cli.runtimes import RUNTIME
from cortado_cli.task import data_option, raw_option

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.integer_kernels import Converted, LayerKernel, Range
    from cortado.runtime import Runtime
    from cortado_cli.talk import Talk

__all__ = ["KernelChoice", "convert", "kernel_options"]

_SAMPLES = 500
_WITH_DATA = ("samples", "raw", *RUNTIME)


@dataclass(frozen=True)
class KernelChoice:
    """The kernel options of the command line; no data for None."""

    kernel: Literal["float32", "int8", "int4"]
    data: str | None
    samples: int
    raw: bool = False


def kernel_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--kernel``, ``--data``, ``--samples``, ``--raw``; the command gets a `KernelChoice`."""

    @click.option(
        "--kernel",
        type=click.Choice(["float32", "int8", "int4"]),
        default="float32",
        show_default=True,
        help="What layers compute with: int8 and int4 are smaller and faster, and round.",
    )
    @data_option(required=False, purpose="Shows int8 convolutions the range of their inputs")
    @samples_option(_SAMPLES, "Use a fixed random subset of N training samples.")
    @raw_option
    @functools.wraps(command)
    def choosing(
        *,
        kernel: Literal["float32", "int8", "int4"],
        data: str | None,
        samples: int,
        raw: bool,
        **options: object,
    ) -> None:
        if kernel != "int8":
            refuse_without("--kernel int8", ["data", *_WITH_DATA])
        elif data is None:
            refuse_without("--data", _WITH_DATA)
        command(choice=KernelChoice(kernel, data, samples, raw), **options)

    return choosing


def convert(
    network: "ir.Model", choice: KernelChoice, runtime: "Runtime", talk: "Talk"
) -> "tuple[ir.Model, dict[str, Any] | None]":
    """Return a model on the chosen kernel, after saying what that changed, and the report.

    The float32 kernel is the model as it is, and has no report.
    """
    if choice.kernel == "float32":
        return network, None
    from cortado.integer_kernels import KernelOptions, to_kernel

    options = KernelOptions(choice.kernel, _ranges(network, choice, runtime, talk))
    converted = to_kernel(network, options)
    headings = ("layer", "op", "kernel", "a step for each", "largest error", "rmse")
    talk.table(headings, [_row(layer) for layer in converted.layers])
    talk.say_all(skipped_lines(converted.left, choice.kernel))
    if all(layer.exact for layer in converted.layers):
        talk.say("the integers stand for the very same weights: the extra error is exactly 0")
    return converted.model, _report(converted)


def _ranges(
    network: "ir.Model", choice: KernelChoice, runtime: "Runtime", talk: "Talk"
) -> "dict[str, Range]":
    if choice.data is None:
        return {}
    from cortado.data import Feed, Signature, open_data, subset
    from cortado.integer_kernels import calibrate
    from cortado_cli.data import tell_feed

    data = open_data(choice.data, Signature.of(network, raw=choice.raw))
    chosen = subset(data.train, choice.samples)
    tell_feed(Feed.of(network, raw=choice.raw), chosen, talk)
    return talk.follow(calibrate(network, chosen, runtime, raw=choice.raw))


def _row(layer: "LayerKernel") -> tuple[str, ...]:
    errors = ("0", "0") if layer.exact else (f"{layer.max_error:.3g}", f"{layer.rmse:.3g}")
    return (layer.name, layer.op_type, layer.kernel, layer.each, *errors)


def _report(converted: "Converted") -> dict[str, Any]:
    return {
        "layers": [
            {
                "name": layer.name,
                "op_type": layer.op_type,
                "kernel": layer.kernel,
                "step_for_each": layer.each,
                "max_error": layer.max_error,
                "rmse": layer.rmse,
                "exact": layer.exact,
            }
            for layer in converted.layers
        ],
        "left": skipped_reports(converted.left),
    }
