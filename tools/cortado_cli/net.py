"""The options of the commands that read Caffe nets."""

import functools
from collections.abc import Callable
from typing import Literal

import click

from cortado_cli.value_types import Shape

__all__ = ["net_options"]

_OPTIONS = (
    click.option(
        "--input-shape",
        "shapes",
        type=Shape(),
        multiple=True,
        help="The shape of an input that the prototxt leaves open, or another shape for it.",
    ),
    click.option(
        "--phase",
        type=click.Choice(["TEST", "TRAIN"]),
        default="TEST",
        show_default=True,
        help="The net's phase: layers of the other one are left out.",
    ),
    click.option("--level", type=int, default=0, show_default=True, help="The net's level."),
    click.option("--stage", "stages", multiple=True, metavar="NAME", help="A stage of the net."),
    click.option(
        "--cut-at",
        multiple=True,
        metavar="BLOB",
        help="Make this blob an output, and leave out what only later layers need; repeatable.",
    ),
    click.option(
        "--detections",
        type=click.Choice(["cut", "decode"]),
        default="cut",
        show_default=True,
        help="A detector ends before its DetectionOutput, or with it, as NonMaxSuppression.",
    ),
    click.option(
        "--layers",
        "modules",
        multiple=True,
        metavar="MODULE",
        help="A Python module that converts layer types of its own; see docs/layers.md.",
    ),
)


def net_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how a net is read, and hand the command one `CaffeOptions`."""

    @functools.wraps(command)
    def reading(
        *,
        shapes: tuple[tuple[str, tuple[int, ...]], ...],
        phase: Literal["TEST", "TRAIN"],
        level: int,
        stages: tuple[str, ...],
        cut_at: tuple[str, ...],
        detections: Literal["cut", "decode"],
        modules: tuple[str, ...],
        **others: object,
    ) -> None:
        from cortado.caffe import CaffeOptions
        from cortado.plugins import import_module

        for module in modules:
            import_module(module, f"--layers {module}")
        options = CaffeOptions(dict(shapes), phase, level, stages, cut_at, detections)
        command(options=options, **others)

    for option in reversed(_OPTIONS):
        option(reading)
    return reading
