"""What a row of a table cannot be: tables are files, and people edit them."""

from typing import TYPE_CHECKING, get_args

from cortado.prune import Method
from cortado.quantize import MAX_BITS

if TYPE_CHECKING:  # which imports this module
    from cortado.sensitivity.table import Row

__all__ = ["fault_of"]

_KINDS = ("prune", "bits", "dense", "skipped")
_FIGURES = ("loss", "kl", "ci_low", "ci_high", "lost", "gained", "dense_loss")
_FRACTIONS = ("accuracy", "ci_low", "ci_high")
_MOST_IMAGES = 2**53  # whole numbers that are exact as floats


def fault_of(row: "Row") -> str:
    """Return which value no sweep writes, and what it must be; empty if there is none."""
    if row.kind not in _KINDS:
        return f"kind is {row.kind!r}, and must be one of {', '.join(_KINDS)}"
    if row.kind == "dense" and row.accuracy is None:
        return "accuracy is empty, and must be that of the dense model"
    if row.kind == "prune" and not 0 < row.rate < 1:
        return f"rate is {row.rate:g}, and must be a fraction between 0 and 1"
    if row.kind == "prune" and row.method not in get_args(Method):
        return f"method is {row.method!r}, and must be one of {', '.join(get_args(Method))}"
    if row.kind == "bits" and row.rate not in range(1, MAX_BITS + 1):
        return f"rate is {row.rate:g}, and must be bits, a whole number from 1 to {MAX_BITS}"
    if row.seed < 0:
        return f"seed is {row.seed}, and must be a whole number from 0 up"
    if row.images > _MOST_IMAGES:
        return f"images is {row.images}, beyond every count"
    return "" if row.accuracy is None else _fault_of_figures(row)


def _fault_of_figures(row: "Row") -> str:
    for name in _FIGURES:
        if getattr(row, name) is None:
            return f"{name} is empty, and must be a number, as accuracy is"
    for name in _FRACTIONS:
        if not 0 <= getattr(row, name) <= 1:
            return f"{name} is {getattr(row, name):g}, and must be a fraction from 0 to 1"
    if not 1 <= row.samples <= row.images:
        return f"samples is {row.samples}, and must be a whole number from 1 to {row.images} images"
    lost, gained = row.lost or 0, row.gained or 0
    if min(lost, gained) < 0 or lost + gained > row.samples:
        return f"lost and gained are {lost} and {gained}, and must be some of the images"
    return ""
