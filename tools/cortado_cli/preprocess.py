"""The input transform that ``cortado import`` stores, from its options and the files they name."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cortado.errors import CortadoError
from cortado_cli.transform import TransformWish

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.task.presets import Plane
    from cortado.task.transform import InputTransform, MeanImage

__all__ = ["reader", "store_transform"]


def store_transform(model: "ir.Model", wish: TransformWish) -> None:
    """Store the input transform: the net's own, that of another net, a preset, or given numbers.

    Raises
    ------
    click.UsageError
        If options contradict each other, or do not fit the input of the model.
    """
    from cortado.task.metadata import read_transform, write_transform
    from cortado.task.presets import apply_preset, find_plane

    if wish == TransformWish():
        return
    _check_usage(wish)
    plane = find_plane(model)
    transform = read_transform(model)
    if wish.prototxt is not None:
        transform = _read_transform(wish.prototxt, wish)
    if wish.preset is not None:
        transform = apply_preset(wish.preset, transform, plane)
    transform = _with_size(_with_values(transform, wish), wish)
    write_transform(model, _fitted(transform, wish, plane))


def reader(prototxt: str) -> Callable[[str], bytes]:
    """Return what reads the files that a prototxt names."""
    from cortado import files

    return lambda path: files.read(files.find_beside(path, prototxt))


def _check_usage(wish: TransformWish) -> None:
    if wish.range is not None and wish.scale is not None:
        raise click.UsageError("--input-range takes the place of --input-scale: give one of them")
    if wish.range is not None and isinstance(wish.mean, str):
        raise click.UsageError("a mean image is in pixels: give --input-scale, not --input-range")
    if isinstance(wish.resize, int) and wish.crop is not None and wish.crop > wish.resize:
        raise click.UsageError(f"--crop {wish.crop} is larger than --resize {wish.resize}")


def _with_values(transform: "InputTransform", wish: TransformWish) -> "InputTransform":
    """Return a transform with the scale, mean, standard deviation and order that are given."""
    low, span = _units(wish)
    if wish.scale is not None:
        transform = replace(transform, scale=wish.scale)
    if wish.range is not None:
        transform = replace(transform, scale=span / 255)
    if isinstance(wish.mean, str):
        transform = replace(transform, mean=(), image=_read_mean(wish.mean))
    elif wish.mean is not None:
        is_in_pixels = (low, span) == (0, 255)
        mean = wish.mean if is_in_pixels else tuple((m - low) * 255 / span for m in wish.mean)
        transform = replace(transform, mean=mean, image=None)
    elif low:
        transform = replace(transform, mean=(-low * 255 / span,), image=None)
    if wish.std is not None:
        transform = replace(transform, std=wish.std)
    if wish.order is not None:
        transform = replace(transform, order=wish.order)
    return transform


def _units(wish: TransformWish) -> tuple[float, float]:
    """Return the lowest value and the span of the range that a mean is given in."""
    if wish.range is not None:
        return wish.range.low, wish.range.high - wish.range.low
    return (0.0, 1.0) if wish.preset == "imagenet" and wish.scale is None else (0.0, 255.0)


def _with_size(transform: "InputTransform", wish: TransformWish) -> "InputTransform":
    """Return a transform with the resize and the crop that are given."""
    if isinstance(wish.resize, int):
        transform = replace(transform, resize=wish.resize, size=None)
    elif wish.resize is not None:
        height, width = (None if side == -1 else side for side in wish.resize)
        transform = replace(transform, resize=0, size=(height, width))
        if wish.preset is not None and wish.crop is None:  # its crop belongs to its own resize
            transform = replace(transform, crop=0)
    if wish.crop is not None:
        transform = replace(transform, crop=wish.crop)
    return transform


def _fitted(
    transform: "InputTransform", wish: TransformWish, plane: "Plane | None"
) -> "InputTransform":
    """Return a transform that gives images as large as the input; refuse one that cannot."""
    if wish.resize is not None and transform.image is not None:
        raise click.UsageError("--resize and a mean image: images get the size of the mean image")
    if transform.resize and transform.crop > transform.resize:
        raise click.UsageError(
            f"--resize {transform.resize} is smaller than the crop of {transform.crop}"
        )
    if plane is None or not plane.is_fixed:
        return transform
    takes = f"the model takes {plane.height}×{plane.width} pixels"
    if wish.crop is not None and (plane.height, plane.width) != (wish.crop, wish.crop):
        raise click.UsageError(f"--crop {wish.crop}: {takes}")
    if transform.crop or wish.resize is None:
        return transform
    if isinstance(wish.resize, int):
        if plane.height != plane.width:
            raise click.UsageError(f"--resize {wish.resize}: {takes}, and a crop is a square")
        return _fitted(replace(transform, crop=plane.height or 0), wish, plane)
    for wanted, size in zip((plane.height, plane.width), wish.resize, strict=True):
        if size != wanted:
            raise click.UsageError(f"--resize {wish.resize[0]},{wish.resize[1]}: {takes}")
    return transform


def _read_transform(prototxt: str, wish: TransformWish) -> "InputTransform":
    from cortado import files
    from cortado.caffe import CaffeOptions, read_transform_param
    from cortado_cli.streams import naming

    text = files.read_text(prototxt)
    with naming(prototxt):
        found = read_transform_param(text, CaffeOptions(read_file=reader(prototxt)))
    if found is None:
        raise CortadoError(f"{prototxt} has no data layer with a transform_param")
    if found.missing and wish.mean is None and wish.preset is None:
        raise CortadoError(f"{prototxt}: {found.missing}; --input-mean can state it")
    return found.transform


def _read_mean(path: str) -> "MeanImage":
    from cortado import caffe, files
    from cortado_cli.streams import naming

    data = files.read(path)
    with naming(path):
        return caffe.read_mean(data)
