"""Metrics of numbers: cosine, mean squared error, PSNR.

Each output is compared on its own, sample by sample, and a sample has the mean over the outputs:

    cosine   a · b / (‖a‖ ‖b‖)
    mse      mean (a − b)²
    psnr     10 log10(peak² / mse), peak = max b − min b

with a what the model gives, and b the target or what the dense model gives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, FloatArray
from cortado.scoring.metrics.metric import Against, Outputs, mean_of

__all__ = ["DISTANCES", "Distance", "as_rows"]

_TINY = 1e-12


def _cosine(a: FloatArray, b: FloatArray) -> FloatArray:
    scales = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = np.all(a == b, axis=1)
    cosine: FloatArray = np.where(same, 1.0, (a * b).sum(axis=1) / np.maximum(scales, _TINY))
    return cosine


def _mse(a: FloatArray, b: FloatArray) -> FloatArray:
    means: FloatArray = np.square(a - b).mean(axis=1)
    return means


def _psnr(a: FloatArray, b: FloatArray) -> FloatArray:
    peak = np.ptp(b, axis=1)
    ratio = np.maximum(_mse(a, b), _TINY) / np.square(np.where(peak > 0, peak, 1.0))
    decibels: FloatArray = -10 * np.log10(ratio)
    return decibels


DISTANCES: dict[str, tuple[Callable[[FloatArray, FloatArray], FloatArray], bool]] = {
    "cosine": (_cosine, True),
    "mse": (_mse, False),
    "psnr": (_psnr, True),
}
"""Name → function of two matrices (n, elements), and whether higher is better."""


@dataclass(frozen=True)
class Distance:
    """How far outputs are from others, the mean over samples.

    Attributes
    ----------
    name : str
        One of `DISTANCES`.
    outputs : tuple of str
        The outputs that are compared.
    against : {"targets", "reference"}
        What they are compared with.
    """

    name: str
    outputs: tuple[str, ...]
    against: Against = "reference"
    kind: Literal["binary", "mean", "pooled"] = "mean"
    usual_drop: float | None = None

    @property
    def higher_is_better(self) -> bool:
        """The direction."""
        return DISTANCES[self.name][1]

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return the distance of each sample, of shape (n, 1)."""
        measure, _ = DISTANCES[self.name]
        each = [measure(*as_rows(found[name], wanted[name], name)) for name in self.outputs]
        means: FloatArray = np.mean(each, axis=0)[:, None]
        return means

    def value(self, parts: FloatArray) -> float:
        """Return the mean."""
        return mean_of(parts)


def as_rows(found: Array, wanted: Array, name: str) -> tuple[FloatArray, FloatArray]:
    """Return two arrays as matrices (n, elements), float64."""
    if wanted.dtype.kind not in "biuf":
        raise CortadoError(f"the targets of {name} are {wanted.dtype}, not numbers")
    if found.size != wanted.size or len(found) != len(wanted):
        raise CortadoError(
            f"the output {name} has the shape {show_shape(found.shape)}, "
            f"and is compared with {show_shape(wanted.shape)}"
        )
    first, second = (x.reshape(len(x), -1).astype(np.float64) for x in (found, wanted))
    return first, second
