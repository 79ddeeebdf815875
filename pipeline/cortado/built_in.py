"""The table of built-ins, by name: a line here for each, and a module that has it.

A registry loads its lines when it is imported, and `--help` lists them without loading anything.
The order is that of lists.
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CAFFE_LOSSES",
    "CODECS",
    "DATA",
    "LOSSES",
    "METRICS",
    "TREATMENTS",
    "BuiltIn",
    "load",
    "load_torch",
    "names_of",
]


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
    torch : str
        Where the same is in PyTorch, of a loss.
    """

    name: str
    place: str
    written: str = ""
    torch: str = ""


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


_LOSSES, _TORCH = "cortado.scoring.losses", "cortado.retrain.losses"

CAFFE_LOSSES = (
    "SoftmaxWithLoss",
    "SigmoidCrossEntropyLoss",
    "EuclideanLoss",
    "HingeLoss",
    "MultinomialLogisticLoss",
)
"""Caffe's types of losses that one label a sample suffices for."""

LOSSES = (
    BuiltIn(
        "cross-entropy", f"{_LOSSES}.classes:cross_entropy_of", torch=f"{_TORCH}:cross_entropy"
    ),
    BuiltIn("bce", f"{_LOSSES}.classes:binary_cross_entropy", torch=f"{_TORCH}:bce"),
    BuiltIn("mse", f"{_LOSSES}.numbers:squared_error", torch=f"{_TORCH}:squared_error"),
    BuiltIn("l1", f"{_LOSSES}.numbers:absolute_error", torch=f"{_TORCH}:absolute_error"),
    BuiltIn("ctc", f"{_LOSSES}.text:connectionist", torch=f"{_TORCH}:connectionist"),
    *(
        BuiltIn(kind, f"{_LOSSES}.caffe:caffe_loss", torch=f"{_TORCH}:caffe_loss")
        for kind in CAFFE_LOSSES
    ),
)
"""Losses, functions in numpy and in PyTorch, see `cortado.scoring.losses`."""

_TREATMENTS = "cortado.treatments"

TREATMENTS = (
    BuiltIn("prune", f"{_TREATMENTS}.zeros:Zeros"),
    BuiltIn("bits", f"{_TREATMENTS}.shared_values:SharedValues", "bits (2^B shared values)"),
)
"""Treatments, classes, see `cortado.treatments`."""

_STORAGE = "cortado.storage"

CODECS = (
    BuiltIn("dense", f"{_STORAGE}.dense:Dense"),
    BuiltIn("sparse", f"{_STORAGE}.sparse:Sparse"),
    BuiltIn("coded", f"{_STORAGE}.coded.codec:Coded"),
)
"""Codecs, classes, in the order in which readers are asked, see `cortado.storage`."""

_DATA = "cortado.data"

DATA = (
    BuiltIn("digits", f"{_DATA}.digits:DIGITS"),
    BuiltIn("a .npz or .npy file", f"{_DATA}.archives:ARCHIVE"),
    BuiltIn("package.module:callable", f"{_DATA}.callables:CALLABLE"),
    BuiltIn("train=PATH,test=PATH", f"{_DATA}.parts:PARTS"),
    BuiltIn("a directory of databases (LMDB, LevelDB)", f"{_DATA}.database:DATABASE"),
    BuiltIn("a directory of samples (.npz, .npy)", f"{_DATA}.sample_files:SAMPLES"),
    BuiltIn("a directory of images for each class", f"{_DATA}.folders:CLASSES"),
    BuiltIn("a directory of images", f"{_DATA}.flat:IMAGES"),
    BuiltIn("a directory of IDX files", f"{_DATA}.idx_directory:IDX"),
)
"""Forms of data, in the order in which they are asked, see `cortado.data.forms`."""


def load(entry: BuiltIn) -> Any:
    """Return what a line stands for."""
    return _load(entry.place)


def load_torch(entry: BuiltIn) -> Any:
    """Return what a loss is in PyTorch."""
    return _load(entry.torch)


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def names_of(entries: Iterable[BuiltIn]) -> list[str]:
    """Return how lists write them."""
    return [entry.written or entry.name for entry in entries]
