"""The losses and metrics that a net was trained with, as the model remembers them.

A criterion is a layer of Caffe that compares scores with labels. The model stores each with the
value that it scores, so that `evaluate` measures and `retrain` minimizes what Caffe would.

Source: BVLC/caffe caffe.proto (LossParameter, AccuracyParameter, HingeLossParameter).
"""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np

from cortado.model.typing import BoolArray, IntArray

__all__ = ["Criterion", "Kind", "Normalization"]

Kind = Literal[
    "Accuracy",
    "ContrastiveLoss",
    "EuclideanLoss",
    "HingeLoss",
    "InfogainLoss",
    "MultinomialLogisticLoss",
    "SigmoidCrossEntropyLoss",
    "SoftmaxWithLoss",
]
Normalization = Literal["FULL", "VALID", "BATCH_SIZE", "NONE"]


@dataclass(frozen=True)
class Criterion:
    """A loss or an accuracy.

    Attributes
    ----------
    name : str
        The layer.
    kind : str
        Its type.
    scores : str
        The value of the graph that it compares with the labels.
    weight : float
        The factor of a loss in the sum that is minimized.
    ignore : int or None
        The label of images that do not count.
    normalization : {"FULL", "VALID", "BATCH_SIZE", "NONE"}
        What the sum over a batch is divided by: all values, those that are not ignored, the
        images, or nothing.
    top_k : int
        Of Accuracy: how many classes the label may be among.
    norm : {"L1", "L2"}
        Of HingeLoss.
    refusal : str
        Why it cannot be computed from labels alone; empty where it can.
    """

    name: str
    kind: Kind
    scores: str
    weight: float = 1.0
    ignore: int | None = None
    normalization: Normalization = "VALID"
    top_k: int = 1
    norm: Literal["L1", "L2"] = "L1"
    refusal: str = ""

    @property
    def is_loss(self) -> bool:
        """Whether it is minimized."""
        return self.kind != "Accuracy"

    @property
    def is_classifying(self) -> bool:
        """Whether its scores are one a class."""
        return self.kind not in ("ContrastiveLoss", "EuclideanLoss", "SigmoidCrossEntropyLoss")

    def counts(self, labels: IntArray) -> BoolArray:
        """Return for each label, of shape (n,), whether its image counts."""
        if self.ignore is None:
            return np.ones(len(labels), np.bool_)
        counted: BoolArray = labels != self.ignore
        return counted

    def stored(self) -> dict[str, Any]:
        """Return what JSON holds of it: all that is not the default."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> "Criterion":
        """Return the criterion that JSON holds; raises ValueError or TypeError if it is none."""
        criterion = cls(**stored)
        if (
            criterion.kind not in get_args(Kind)
            or criterion.normalization not in get_args(Normalization)
            or criterion.norm not in ("L1", "L2")
            or not isinstance(criterion.scores, str)
            or not isinstance(criterion.weight, int | float)
            or not isinstance(criterion.top_k, int)
            or not isinstance(criterion.ignore, int | None)
        ):
            raise ValueError(f"{stored} is no criterion")
        return criterion
