"""Parameter types: shapes, lists of numbers, and means."""

import math
from typing import Any

import click

from cortado_cli.types import InputPath

__all__ = ["Mean", "Numbers", "Shape"]


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


class Numbers(click.ParamType[tuple[float, ...]]):
    """Numbers between commas, such as ``0.5,0.8,0.9``."""

    name = "N[,N…]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Split at commas."""
        if isinstance(value, tuple):
            return value
        numbers = _numbers(str(value))
        if numbers is None:
            self.fail(f"{value!r} is no list of numbers such as 0.5,0.8,0.9", param, ctx)
        return numbers


class Mean(InputPath):
    """Numbers between commas, such as ``104,117,123``, or the path of a file."""

    name = "M[,M…]|FILE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Split at commas; what ends as a mean image does is a path."""
        if isinstance(value, tuple):
            return value
        text = str(value)
        if text.endswith(".binaryproto"):
            return text
        numbers = _numbers(text)
        if numbers is None:
            message = f"{value!r} is no list of numbers such as 104,117,123, and no .binaryproto"
            self.fail(message, param, ctx)
        return numbers


def _numbers(text: str) -> tuple[float, ...] | None:
    """Return finite numbers; None where there is anything else."""
    try:
        numbers = tuple(float(number) for number in text.split(","))
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None
