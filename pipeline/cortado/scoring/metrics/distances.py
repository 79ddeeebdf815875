"""Metrics of numbers: cosine, mean squared error, PSNR.

Each output is compared on its own, sample by sample, and a sample has the mean over the outputs:

    cosine   a · b / (‖a‖ ‖b‖)
    mse      mean (a − b)²
    psnr     10 log10(peak² / mse), at most 100; peak = max b − min b, or P of psnr@P

with a what the model gives, and b the target or what the dense model gives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, FloatArray
from cortado.scoring.metrics.form import NO_NUMBER, MetricForm, NumberRule
from cortado.scoring.metrics.metric import Against, Outputs, Scored, mean_of, with_number

__all__ = ["COSINE", "MOST_DECIBELS", "MSE", "PSNR", "Distance", "as_rows"]

MOST_DECIBELS = 100.0
"""The PSNR of what differs by less, and of equal arrays, whose own would be infinite."""

_TINY = 1e-12


def _cosine(a: FloatArray, b: FloatArray) -> FloatArray:
    scales = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = np.all(a == b, axis=1)
    cosine: FloatArray = np.where(same, 1.0, (a * b).sum(axis=1) / np.maximum(scales, _TINY))
    return cosine


def _mse(a: FloatArray, b: FloatArray) -> FloatArray:
    means: FloatArray = np.square(a - b).mean(axis=1)
    return means


def _psnr(a: FloatArray, b: FloatArray, peak: float | None = None) -> FloatArray:
    spans = np.ptp(b, axis=1)
    peaks = np.where(spans > 0, spans, 1.0) if peak is None else peak
    ratio = np.maximum(_mse(a, b), _TINY) / np.square(peaks)
    decibels: FloatArray = np.minimum(-10 * np.log10(ratio), MOST_DECIBELS)
    return decibels


@dataclass(frozen=True)
class Distance:
    """How far outputs are from others, the mean over samples.

    Attributes
    ----------
    name : str
        What tables call it.
    measure : callable
        Two matrices (n, elements) → the distances (n,) of their rows.
    outputs : tuple of str
        The outputs that are compared.
    against : {"targets", "reference"}
        What they are compared with.
    higher_is_better : bool
        Whether it grows with likeness.
    usual_drop : float or None
        None for what has a unit, be it that of the outputs or decibels.
    """

    name: str
    measure: Callable[[FloatArray, FloatArray], FloatArray]
    outputs: tuple[str, ...]
    against: Against = "reference"
    higher_is_better: bool = True
    kind: Literal["binary", "mean", "pooled"] = "mean"
    usual_drop: float | None = None

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return the distance of each sample, of shape (n, 1)."""
        each = [self.measure(*as_rows(found[name], wanted[name], name)) for name in self.outputs]
        means: FloatArray = np.mean(each, axis=0)[:, None]
        return means

    def value(self, parts: FloatArray) -> float:
        """Return the mean."""
        return mean_of(parts)


def _make_cosine(scored: Scored, _: float | None) -> Distance:
    return Distance("cosine", _cosine, scored.names, scored.against)


def _make_mse(scored: Scored, _: float | None) -> Distance:
    return Distance("mse", _mse, scored.names, scored.against, higher_is_better=False)


def _make_psnr(scored: Scored, peak: float | None) -> Distance:
    name, measure = with_number("psnr", "@", peak), partial(_psnr, peak=peak)
    return Distance(name, measure, scored.names, scored.against)


COSINE = MetricForm(_make_cosine, "", NO_NUMBER, ("arrays",), compares_all=True)
MSE = MetricForm(_make_mse, "MSE", NO_NUMBER, ("arrays",), compares_all=True)
PSNR = MetricForm(
    _make_psnr,
    "PSNR",
    NumberRule("a peak above 0", lambda n: n > 0),
    ("arrays",),
    compares_all=True,
)


def as_rows(found: Array, wanted: Array, name: str) -> tuple[FloatArray, FloatArray]:
    """Return two arrays as matrices (n, elements), float64."""
    if wanted.dtype.kind not in "biuf":
        raise CortadoError(f"the targets of {name} are {wanted.dtype}, not numbers")
    if found.size != wanted.size or len(found) != len(wanted):
        raise CortadoError(
            f"the output {name} has the shape {show_shape(found.shape)}, "
            f"and is compared with {show_shape(wanted.shape)}; where shapes depend on the weights, "
            "end the net before (cortado import --cut-at) or score another output (--head)"
        )
    first, second = (x.reshape(len(x), -1).astype(np.float64) for x in (found, wanted))
    return first, second
