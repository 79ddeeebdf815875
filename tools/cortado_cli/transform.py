"""How pixels become inputs: the options of ``cortado import`` that say it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

import click

from cortado_cli.types import Finite, InputPath
from cortado_cli.value_types import Divisors, Interval, IntervalType, Mean, Resize

__all__ = ["PRESET_NAMES", "TransformWish", "transform_options"]

PRESET_NAMES = ("imagenet", "caffe", "tf")

_OPTIONS = (
    click.option(
        "--preprocess",
        "preset",
        type=click.Choice(PRESET_NAMES),
        help="All at once. imagenet: RGB in 0..1, minus mean 0.485,0.456,0.406, over std "
        "0.229,0.224,0.225, shorter side resized to 256, the centre of 224 or as large as the "
        "input; caffe: BGR minus mean 104.00698793,116.66876762,122.67891434; tf: RGB in -1..1. "
        "Options beside it win.",
    ),
    click.option(
        "--input-scale",
        "scale",
        type=Finite(),
        metavar="S",
        help="Inputs are (pixel - mean) * S / std, of pixels 0 to 255.",
    ),
    click.option(
        "--input-range",
        "range",
        type=IntervalType(),
        help="In place of a scale: pixels are first mapped to A..B, such as 0..1, and mean and std "
        "are in units of that.",
    ),
    click.option(
        "--input-mean",
        "mean",
        type=Mean(),
        help="One mean for all channels, one each, or the file of a mean image.",
    ),
    click.option(
        "--input-std",
        "std",
        type=Divisors(),
        help="One standard deviation for all channels, or one each.",
    ),
    click.option(
        "--resize",
        type=Resize(),
        help="Image files: the length of the shorter side, or height and width, of which -1 "
        "follows the ratio. Otherwise they are resized to the input.",
    ),
    click.option(
        "--crop",
        "--input-crop",
        "crop",
        type=click.IntRange(min=1),
        metavar="SIZE",
        help="The model sees a square of the image: its centre, or anywhere in training.",
    ),
    click.option(
        "--channel-order",
        "order",
        type=click.Choice(["bgr", "rgb"]),
        help="How the model takes the colours of image files; Caffe's tools write BGR.",
    ),
    click.option(
        "--transform-from",
        "prototxt",
        type=InputPath(),
        metavar="PROTOTXT",
        help="Take all of that from the data layer of this training net.",
    ),
)


@dataclass(frozen=True)
class TransformWish:
    """The input transform of the command line; None where it gives none."""

    preset: str | None = None
    scale: float | None = None
    range: Interval | None = None
    mean: tuple[float, ...] | str | None = None
    std: tuple[float, ...] | None = None
    resize: int | tuple[int, int] | None = None
    crop: int | None = None
    order: Literal["bgr", "rgb"] | None = None
    prototxt: str | None = None


def transform_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and hand the command one `TransformWish` made of them."""

    @functools.wraps(command)
    def wishing(**given: Any) -> None:
        wish = TransformWish(
            **{field.name: given.pop(field.name) for field in fields(TransformWish)}
        )
        command(transform=wish, **given)

    for option in reversed(_OPTIONS):
        option(wishing)
    return wishing
