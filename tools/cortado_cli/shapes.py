"""The parameter types of ``cortado import``."""

import math

import click

__all__ = ["Mean", "Shape"]


class Shape(click.ParamType[tuple[str, tuple[int, ...]]]):
    """``1,3,224,224``, or ``BLOB=1,3,224,224`` where a net has several inputs."""

    name = "[BLOB=]N,C,H,W"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Split at the last ``=``; the sizes are positive integers."""
        blob, _, text = str(value).rpartition("=")
        try:
            shape = tuple(int(size) for size in text.split(","))
        except ValueError:
            self.fail(f"{value!r} is no shape such as 1,3,224,224", param, ctx)
        if min(shape) < 1:
            self.fail(f"{value!r} has a size below 1", param, ctx)
        return blob, shape


class Mean(click.ParamType[tuple[float, ...] | str]):
    """Numbers between commas, such as ``104,117,123``, or the path of a file."""

    name = "M[,M…]|FILE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...] | str:
        """Split at commas; what ends as a mean image does is a path."""
        if isinstance(value, tuple):
            return value
        text = str(value)
        if text.endswith(".binaryproto"):
            return text
        try:
            numbers = tuple(float(number) for number in text.split(","))
        except ValueError:
            numbers = (math.nan,)
        if not all(map(math.isfinite, numbers)):
            message = f"{value!r} is no list of numbers such as 104,117,123, and no .binaryproto"
            self.fail(message, param, ctx)
        return numbers
