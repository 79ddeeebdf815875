"""Scores and labels as rows: one for each sample, position of a text or pixel.

Labels may stand for samples, for positions of a text or for pixels; the axis of the classes is the
one that the labels lack. An output may hold the classes themselves, behind an ArgMax, or numbers
that say yes or no: then labels are as many as its numbers.
"""

import numpy as np

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, BoolArray, FloatArray, IntArray
from cortado.scoring.formulas import as_scores, better_than_label
from cortado.task.outputs import Activation, Scores

__all__ = [
    "IGNORED",
    "are_right",
    "class_axis",
    "integer_labels",
    "labels_in",
    "logits_of",
    "preferred_axis",
    "rows_of",
    "score_rows",
]

_TINY = 1e-12  # from what a Sigmoid gives to 0 and 1

IGNORED = -100
"""The label of positions that never count, as PyTorch has it."""


def class_axis(shape: tuple[int, ...], labels: tuple[int, ...], output: Scores) -> int:
    """Return the axis of the classes, given the shapes of scores and labels.

    Where several axes fit, the one of a Softmax does, then the last of three, then the second.

    Raises
    ------
    CortadoError
        If no axis fits.
    """
    fitting = [a for a in range(1, len(shape)) if shape[:a] + shape[a + 1 :] == labels]
    if not fitting:
        raise CortadoError(
            f"the labels have the shape {show_shape(labels)}, and the output {output.output} "
            f"{show_shape(shape)}: it has no axis of classes for them"
        )
    return preferred_axis(len(shape), output, fitting)


def preferred_axis(rank: int, output: Scores, fitting: list[int] | None = None) -> int:
    """Return the likely axis of the classes of scores of a rank."""
    fitting = list(range(1, rank)) if fitting is None else fitting
    usual = [output.axis % rank] if output.activation != "none" else []
    usual += [rank - 1] if rank == 3 else []
    return next((axis for axis in (*usual, 1) if axis in fitting), fitting[0])


def rows_of(scores: FloatArray, labels: IntArray, output: Scores) -> tuple[FloatArray, IntArray]:
    """Return scores as rows (m, classes), and their labels (m,); m positions in all.

    Raises
    ------
    CortadoError
        If the labels do not fit the scores.
    """
    if output.form == "binary":
        rows, flat = _yes_or_no(scores, output).reshape(-1, 2), labels.reshape(-1)
        if len(rows) != len(flat):
            raise CortadoError(
                f"the output {output.output} has the shape {show_shape(scores.shape)}, and its "
                f"labels {show_shape(labels.shape)}"
            )
        as_scores(rows[:1], flat[flat != IGNORED], output.output)
        return rows, flat
    if labels.ndim == 1:
        return as_scores(scores, labels[labels != IGNORED], output.output), labels
    axis = class_axis(scores.shape, labels.shape, output)
    rows = np.moveaxis(scores, axis, -1).reshape(-1, scores.shape[axis])
    flat = labels.reshape(-1)
    as_scores(rows[:1], flat[flat != IGNORED], output.output)
    return rows, flat


def labels_in(scores: Array, output: Scores) -> IntArray:
    """Return the class with the highest score, of shape (n, …) without the axis of classes."""
    if output.form == "indices":
        return scores.astype(np.int64)
    if output.form == "binary":
        classes: IntArray = _yes_or_no(scores, output).argmax(axis=-1)
        return classes
    squeezed = scores.reshape(scores.shape[:2]) if _is_flat(scores.shape) else scores
    axis = preferred_axis(squeezed.ndim, output)
    labels: IntArray = squeezed.argmax(axis=axis)
    return labels


def _yes_or_no(values: Array, output: Scores) -> FloatArray:
    """Return numbers that say yes or no as logits of two classes, on a further last axis."""
    logits = values.astype(np.float64)
    if output.activation == "sigmoid":
        within = np.clip(logits, _TINY, 1 - _TINY)
        logits = np.log(within) - np.log1p(-within)
    return np.stack([np.zeros_like(logits), logits], axis=-1)


def logits_of(output: Scores) -> Activation:
    """Return the activation that rows of an output have gone through."""
    return "none" if output.form == "binary" else output.activation


def _is_flat(shape: tuple[int, ...]) -> bool:
    """Return whether scores are one a class and sample, perhaps with trailing axes of size 1."""
    return len(shape) >= 2 and all(size == 1 for size in shape[2:])


def are_right(
    scores: Array, labels: IntArray, output: Scores, top_k: int
) -> tuple[BoolArray, BoolArray]:
    """Return whether each position is right, and whether it counts, both of shape (positions,)."""
    if output.form == "indices":
        classes, flat = scores.reshape(-1), labels.reshape(-1)
        if len(classes) != len(flat):
            raise CortadoError(
                f"the output {output.output} has the shape {show_shape(scores.shape)}, and its "
                f"labels {show_shape(labels.shape)}"
            )
        kept = flat != IGNORED
        return kept & (classes == flat), kept
    rows, flat = rows_of(scores, labels, output)
    kept = flat != IGNORED
    right = np.zeros(len(flat), np.bool_)
    right[kept] = better_than_label(rows[kept], flat[kept]) < top_k
    return right, kept


def integer_labels(array: Array, output: Scores) -> IntArray:
    """Return labels as int64; refuse what are no integers."""
    if array.dtype.kind not in "iu":
        raise CortadoError(
            f"the targets of {output.output} are {array.dtype}: accuracy needs integer labels"
        )
    return array.astype(np.int64, copy=False)


def score_rows(scores: Array, output: Scores) -> FloatArray:
    """Return scores as rows (positions, classes), without labels that show the axis of classes."""
    if output.form == "binary":
        return _yes_or_no(scores, output).reshape(-1, 2)
    flat = scores.reshape(scores.shape[:2]) if _is_flat(scores.shape) else scores
    axis = preferred_axis(flat.ndim, output)
    rows: FloatArray = np.moveaxis(flat, axis, -1).reshape(-1, flat.shape[axis])
    return rows
