"""What is built in, by name: a line here for each, and a module that has it.

A registry loads its lines when it is imported, and `--help` lists them without loading anything.
The order is that of lists.
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["METRICS", "BuiltIn", "load", "names_of"]


@dataclass(frozen=True)
class BuiltIn:
    """One thing that is built in.

    Attributes
    ----------
    name : str
        What options call it.
    place : str
        Where it is: ``package.module:name``.
    written : str
        How lists write it, where that is more than its name: ``top-K``.
    """

    name: str
    place: str
    written: str = ""


_METRICS = "cortado.scoring.metrics"

METRICS = (
    BuiltIn("accuracy", f"{_METRICS}.classes:ACCURACY"),
    BuiltIn("top", f"{_METRICS}.classes:TOP", "top-K"),
    BuiltIn("agreement", f"{_METRICS}.classes:AGREEMENT"),
    BuiltIn("relative-error", f"{_METRICS}.relative:RELATIVE_ERROR"),
    BuiltIn("cosine", f"{_METRICS}.distances:COSINE"),
    BuiltIn("mse", f"{_METRICS}.distances:MSE"),
    BuiltIn("psnr", f"{_METRICS}.distances:PSNR", "psnr[@PEAK]"),
    BuiltIn("kl", f"{_METRICS}.classes:KL"),
    BuiltIn("cross-entropy", f"{_METRICS}.classes:CROSS_ENTROPY"),
    BuiltIn("iou", f"{_METRICS}.masks:IOU", "iou[@THRESHOLD]"),
    BuiltIn("cer", f"{_METRICS}.text:CER"),
)
"""Metrics, see `cortado.scoring.metrics.form`."""


def load(entry: BuiltIn) -> Any:
    """Return what a line stands for."""
    module, _, name = entry.place.partition(":")
    return getattr(importlib.import_module(module), name)


def names_of(entries: Iterable[BuiltIn]) -> list[str]:
    """Return how lists write them."""
    return [entry.written or entry.name for entry in entries]
