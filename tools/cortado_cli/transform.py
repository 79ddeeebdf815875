"""How pixels become inputs: the options of ``cortado import`` that say it, and their files."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import click

from cortado.errors import CortadoError
from cortado_cli.shapes import Mean
from cortado_cli.types import Finite, InputPath

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.task.transform import MeanImage

__all__ = ["TransformWish", "reader", "store_transform", "transform_options"]

_OPTIONS = (
    click.option(
        "--input-scale", type=Finite(), metavar="S", help="Inputs are (pixel - mean) * S."
    ),
    click.option(
        "--input-mean",
        type=Mean(),
        help="One mean for all channels, one each, or the file of a mean image.",
    ),
    click.option(
        "--input-crop",
        type=click.IntRange(min=1),
        metavar="SIZE",
        help="The model sees a square of the image: its centre, or anywhere in training.",
    ),
    click.option(
        "--channel-order",
        type=click.Choice(["bgr", "rgb"]),
        help="How the model takes the colours of image files; Caffe's tools write BGR.",
    ),
    click.option(
        "--transform-from",
        type=InputPath(),
        metavar="PROTOTXT",
        help="Take all of that from the data layer of this training net.",
    ),
)


@dataclass(frozen=True)
class TransformWish:
    """What the command line says about the input transform."""

    scale: float | None
    mean: tuple[float, ...] | str | None
    crop: int | None
    order: Literal["bgr", "rgb"] | None
    prototxt: str | None


def transform_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and hand the command one `TransformWish` made of them."""

    @functools.wraps(command)
    def wishing(
        *,
        input_scale: float | None,
        input_mean: tuple[float, ...] | str | None,
        input_crop: int | None,
        channel_order: Literal["bgr", "rgb"] | None,
        transform_from: str | None,
        **others: object,
    ) -> None:
        wish = TransformWish(input_scale, input_mean, input_crop, channel_order, transform_from)
        command(transform=wish, **others)

    for option in reversed(_OPTIONS):
        option(wishing)
    return wishing


def store_transform(model: "ir.Model", wish: TransformWish) -> None:
    """Store the input transform: the net's own, that of another net, or given numbers."""
    from cortado import files
    from cortado.caffe import CaffeOptions, read_transform_param
    from cortado.task.metadata import read_transform, write_transform
    from cortado.task.transform import InputTransform
    from cortado_cli.streams import naming

    transform = read_transform(model)
    if wish.prototxt is not None:
        text = files.read_text(wish.prototxt)
        with naming(wish.prototxt):
            found = read_transform_param(text, CaffeOptions(read_file=reader(wish.prototxt)))
        if found is None:
            raise CortadoError(f"{wish.prototxt} has no data layer with a transform_param")
        if found.missing and wish.mean is None:
            raise CortadoError(f"{wish.prototxt}: {found.missing}; --input-mean can state it")
        transform = found.transform
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


def reader(prototxt: str) -> Callable[[str], bytes]:
    """Return what reads the files that a prototxt names."""
    from cortado import files

    return lambda path: files.read(files.find_beside(path, prototxt))
