"""IoU of masks: how far what is marked overlaps with what should be.

    IoU_c = Σ |found_c and wanted_c| / Σ |found_c or wanted_c|        over all pixels of all samples

The value is the mean over the classes c that occur. A map with one channel has one class: what is
above a threshold. A map with several has the class of the highest score at each pixel.

Source: Everingham et al. 2010, The Pascal Visual Object Classes Challenge, 4.2.2.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, BoolArray, FloatArray, IntArray
from cortado.scoring.metrics.class_rows import (
    IGNORED,
    class_axis,
    preferred_axis,
)
from cortado.scoring.metrics.form import MetricForm, NumberRule
from cortado.scoring.metrics.metric import A_HALF_POINT, Against, Outputs, Scored, with_number
from cortado.task.outputs import Scores

__all__ = ["IOU", "Overlap"]


@dataclass(frozen=True)
class Overlap:
    """Intersection over union, pooled over samples.

    Attributes
    ----------
    output : Scores
        A map of shape (n, 1, h, w), (n, h, w) or (n, classes, h, w).
    against : {"targets", "reference"}
        Masks of the data, or those of the dense model.
    threshold : float
        A pixel of a map with one channel is marked above it.
    name : str
        ``iou``, or ``iou@0.3`` where the user says the threshold.
    """

    output: Scores
    against: Against = "targets"
    threshold: float = 0.5
    higher_is_better: bool = True
    kind: Literal["binary", "mean", "pooled"] = "pooled"
    name: str = "iou"
    usual_drop: float | None = A_HALF_POINT

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return intersections and unions of each class, of shape (n, 2 classes)."""
        scores, target = found[self.output.output], wanted[self.output.output]
        classes = self._classes(scores, target)
        if self.output.form == "indices":
            pairs = self._by_class(scores, target.reshape(scores.shape), self._count())
        elif classes is None:
            marked = self._marked(scores)
            should = self._marked(target) if target.dtype.kind == "f" else target != 0
            pairs = [(marked, should.reshape(marked.shape))]
        else:
            axis, count = classes
            theirs = target.argmax(axis=axis) if self.against == "reference" else target
            pairs = self._by_class(scores.argmax(axis=axis), theirs, count)
        sums = [_sums(array) for a, b in pairs for array in (a & b, a | b)]
        return np.stack(sums, axis=1).astype(np.float64)

    def value(self, parts: FloatArray) -> float:
        """Return the mean over the classes that occur."""
        both, either = parts.sum(axis=0).reshape(-1, 2).T
        occurs = either > 0
        return float((both[occurs] / either[occurs]).mean()) if occurs.any() else float("nan")

    def _by_class(
        self, ours: IntArray, theirs: IntArray, count: int
    ) -> list[tuple[BoolArray, BoolArray]]:
        """Return what the model and the mask mark, class by class."""
        valid = theirs != IGNORED
        return [(valid & (ours == c), theirs == c) for c in range(count)]

    def _count(self) -> int:
        if self.output.classes is None:
            raise CortadoError(
                f"the output {self.output.output} holds classes, and the model does not say how "
                "many there are: iou needs their number"
            )
        return self.output.classes

    def _classes(self, scores: Array, target: Array) -> tuple[int, int] | None:
        """Return the axis of the classes and their number; None for a map with one channel."""
        if self.output.form == "indices" or (
            scores.size == target.size and self.against == "targets"
        ):
            return None
        if self.against == "targets":
            _check_masks(target, self.output)
            axis = class_axis(scores.shape, target.shape, self.output)
        else:
            axis = preferred_axis(scores.ndim, self.output)
        if scores.ndim < 4 or scores.shape[axis] == 1:
            return None if self.against == "reference" else (axis, scores.shape[axis])
        return axis, scores.shape[axis]

    def _marked(self, scores: Array) -> Array:
        return scores > self.threshold


def _check_masks(target: Array, output: Scores) -> None:
    if target.dtype.kind not in "iu" or target.ndim < 2:
        raise CortadoError(
            f"the targets of {output.output} are {target.dtype} of shape "
            f"{show_shape(target.shape)}, not integer masks"
        )


def _sums(array: Array) -> IntArray:
    sums: IntArray = array.reshape(len(array), -1).sum(axis=1)
    return sums


def _make(scored: Scored, threshold: float | None) -> Overlap:
    above = 0.5 if threshold is None else threshold
    name = with_number("iou", "@", threshold)
    return Overlap(scored.main, scored.against, above, name=name)


IOU = MetricForm(
    _make,
    "IoU",
    NumberRule("a threshold from 0 up and below 1", lambda number: number < 1),
    ("labels", "arrays"),
)
