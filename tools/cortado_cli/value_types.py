"""Parameter types: shapes, lists of numbers, means, ranges and sizes of images."""

import math
from dataclasses import dataclass
from typing import Any

import click

from cortado_cli.types import InputPath

__all__ = ["Divisors", "Interval", "IntervalType", "Mean", "Numbers", "Resize", "Shape"]


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


class Divisors(Numbers):
    """Numbers above 0 between commas."""

    name = "V[,V…]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Split at commas."""
        numbers = super().convert(value, param, ctx)
        if min(numbers) <= 0:
            self.fail(f"{value!r} has a number that is not above 0", param, ctx)
        return numbers


@dataclass(frozen=True)
class Interval:
    """From a number to a larger one; as text ``0..1``."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"


class IntervalType(click.ParamType[Interval]):
    """``0..1``, or ``-1..1``."""

    name = "A..B"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Interval:
        """Split at the dots; the second number is larger."""
        if isinstance(value, Interval):
            return value
        numbers = _numbers(str(value).replace("..", ",", 1))
        if "," in str(value) or numbers is None or len(numbers) != 2 or numbers[0] >= numbers[1]:
            self.fail(f"{value!r} is no range such as 0..1", param, ctx)
        return Interval(*numbers)


class Resize(click.ParamType[int | tuple[int, int]]):
    """``256``, the shorter side, or ``48,-1``, height and width."""

    name = "SIZE|H,W"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | tuple[int, int]:
        """Split at a comma; one of two sizes may be -1."""
        if isinstance(value, int | tuple):
            return value
        try:
            sizes = [int(size) for size in str(value).split(",")]
        except ValueError:
            sizes = []
        if len(sizes) == 1 and sizes[0] > 0:
            return sizes[0]
        if len(sizes) == 2 and max(sizes) > 0 and all(size > 0 or size == -1 for size in sizes):
            return sizes[0], sizes[1]
        return self.fail(f"{value!r} is neither a size such as 256 nor 48,-1", param, ctx)


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
