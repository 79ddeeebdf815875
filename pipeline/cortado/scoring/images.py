"""What a sweep is measured on."""

from dataclasses import dataclass

import numpy as np

from cortado.data import Samples
from cortado.model.typing import FloatArray, IntArray
from cortado.scoring.formulas import as_scores

__all__ = ["Images"]


@dataclass(frozen=True)
class Images:
    """Images, and how the scores of a model are read on them.

    Attributes
    ----------
    samples : Samples
        The images.
    classes : int
        The number of classes, to choose the output by.
    head : str or None
        The output that is scored, see `choose_output`.
    data, split : str
        What the table calls them.
    labelled : bool
        Whether the labels count. If not, the choice of the dense model is what is correct:
        the accuracy is how often the changed model agrees with it.
    """

    samples: Samples
    classes: int
    head: str | None = None
    data: str = ""
    split: str = "val"
    labelled: bool = True

    def check_scores(self, scores: FloatArray, labels: IntArray, output: str) -> FloatArray:
        """Return the scores of a batch as an array (n, classes), without those of padding.

        Parameters
        ----------
        scores : array of shape (≥ n, classes, …)
            What a model gives.
        labels : array of shape (n,), int64
            Those of the images.
        output : str
            Where the scores are from.

        Raises
        ------
        CortadoError
            If they are not one a class, or a label that counts is none of the classes.
        """
        known = labels if self.labelled else np.zeros_like(labels)
        return as_scores(scores[: len(labels)], known, output)
