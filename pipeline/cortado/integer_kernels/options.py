"""Options: the kernel, and the ranges that convolutions need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Kernel", "KernelOptions", "Range"]

Kernel = Literal["int8", "int4"]


@dataclass(frozen=True)
class Range:
    """The smallest and the largest element of a tensor that was seen."""

    low: float
    high: float


@dataclass(frozen=True)
class KernelOptions:
    """How to convert a model.

    Attributes
    ----------
    kernel : {"int8", "int4"}
        The type of the weights.
    ranges : mapping of str to Range
        Name of a tensor → its range on real images, as `calibrate` gives it; without them,
        convolutions stay float32.
    """

    kernel: Kernel
    ranges: Mapping[str, Range] = field(default_factory=dict)
