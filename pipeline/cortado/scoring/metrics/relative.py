"""The relative error of outputs, over all samples together.

    relative error = √(Σ‖a − b‖² / Σ‖b‖²)        over all samples, a mean over the outputs

with a what the model gives and b what the dense model gives. The sums run over the samples before
they are divided: a detector gives next to nothing where there is nothing to find, and an error
there would be divided by next to nothing. The squared one is Σ‖a − b‖² / Σ‖b‖².
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.model.typing import FloatArray
from cortado.scoring.metrics.distances import as_rows
from cortado.scoring.metrics.form import NO_NUMBER, MetricForm
from cortado.scoring.metrics.metric import Against, Outputs, Scored

__all__ = ["RELATIVE_ERROR", "RelativeError"]


@dataclass(frozen=True)
class RelativeError:
    """How far outputs are from those of the dense model, relative to these.

    Attributes
    ----------
    outputs : tuple of str
        The outputs that are compared.
    name : {"relative-error", "squared-relative-error"}
        Whether the root is taken.
    """

    outputs: tuple[str, ...]
    name: Literal["relative-error", "squared-relative-error"] = "relative-error"
    against: Against = "reference"
    higher_is_better: bool = False
    kind: Literal["binary", "mean", "pooled"] = "pooled"
    usual_drop: float | None = None

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return ‖a − b‖² and ‖b‖² of each output, of shape (n, 2 outputs)."""
        columns = []
        for name in self.outputs:
            a, b = as_rows(found[name], wanted[name], name)
            columns += [np.square(a - b).sum(axis=1), np.square(b).sum(axis=1)]
        return np.stack(columns, axis=1)

    def value(self, parts: FloatArray) -> float:
        """Return the mean over the outputs; NaN without samples."""
        if not len(parts):
            return float("nan")
        error, scale = parts.sum(axis=0).reshape(-1, 2).T
        ratio = error / np.where(scale > 0, scale, 1.0)
        return float(np.mean(ratio if self.name.startswith("squared") else np.sqrt(ratio)))


def _make(scored: Scored, _: float | None) -> RelativeError:
    return RelativeError(tuple(each.output for each in scored.outputs))


RELATIVE_ERROR = MetricForm(_make, "", NO_NUMBER, takes=())
