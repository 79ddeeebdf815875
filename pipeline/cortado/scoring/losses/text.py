"""CTC: the loss of a text whose characters have no known places (Graves et al. 2006, ICML).

    −log Σ Π softmax(x)[t, p_t] / |y|        over all paths p that read y

A path has one class a step; class 0 is the blank. To read a path, repetitions are merged and blanks
removed. Targets are the classes of the characters, rows filled up with 0 or less, or texts. A
target that is longer than its scores can say costs 0, as with PyTorch's ``zero_infinity``.
"""

import numpy as np
from scipy import special

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, FloatArray, IntArray
from cortado.scoring.losses.term import Term, check_classes

__all__ = ["check_steps", "classes_of_texts", "connectionist", "target_lengths"]

_BLANK = 0


def connectionist(term: Term, scores: Array, targets: Array) -> tuple[float, float]:
    """Return the sum of the losses of samples, each by its characters, and their number."""
    check_steps(term, scores.shape)
    classes = classes_of_texts(term, targets)
    check_classes(term, classes.clip(min=_BLANK), scores.shape[2])
    logs = special.log_softmax(scores.astype(np.float64), axis=2)
    lengths = target_lengths(classes)
    losses = _negative_log_likelihood(logs, _packed(classes), lengths)
    losses[np.isinf(losses)] = 0
    return float((losses / np.maximum(lengths, 1)).sum()), len(losses)


def check_steps(term: Term, shape: tuple[int, ...]) -> None:
    """Refuse scores that are not of shape (n, steps, classes)."""
    if len(shape) != 3:
        raise CortadoError(
            f"the output {term.scores.output} has the shape {show_shape(shape)}; "
            "ctc needs scores of shape (n, steps, classes)"
        )


def target_lengths(classes: IntArray) -> IntArray:
    """Return how many characters each row has, of shape (n,)."""
    lengths: IntArray = (classes > _BLANK).sum(axis=1)
    return lengths


def classes_of_texts(term: Term, targets: Array) -> IntArray:
    """Return targets as classes of shape (n, characters), rows filled up with 0.

    Raises
    ------
    CortadoError
        If they are neither texts nor integers, or a text has a character that is no class.
    """
    if targets.dtype.kind in "iu":
        return targets.reshape(len(targets), -1).astype(np.int64)
    if targets.dtype.kind != "U":
        raise CortadoError(
            f"the targets of {term.scores.output} are {targets.dtype}: ctc needs texts or classes"
        )
    places = {character: i + 1 for i, character in enumerate(term.alphabet)}
    texts = [str(text) for text in targets.reshape(-1)]
    unknown = next((c for text in texts for c in text if c not in places), None)
    if unknown is not None:
        raise CortadoError(f"a text has the character {unknown!r}, which is not in the alphabet")
    longest = max(map(len, texts), default=0)
    rows = [[places[c] for c in text] + [_BLANK] * (longest - len(text)) for text in texts]
    return np.array(rows, np.int64).reshape(len(texts), longest)


def _packed(classes: IntArray) -> IntArray:
    """Return rows with their characters first, in order."""
    order = np.argsort(classes <= _BLANK, axis=1, kind="stable")
    return np.take_along_axis(classes, order, axis=1).clip(min=_BLANK)


def _negative_log_likelihood(logs: FloatArray, classes: IntArray, lengths: IntArray) -> FloatArray:
    """Return −log p of each text, of shape (n,), by the forward variables of all texts at once."""
    count, places = len(logs), 2 * classes.shape[1] + 1
    states = np.zeros((count, places), np.int64)  # blank, character, blank, …
    states[:, 1::2] = classes
    skips = np.zeros((count, places), np.bool_)
    skips[:, 3::2] = classes[:, 1:] != classes[:, :-1]
    forward = np.full((count, places), -np.inf)
    forward[:, :2] = np.take_along_axis(logs[:, 0], states[:, :2], axis=1)
    nothing = np.full((count, 2), -np.inf)
    for step in range(1, logs.shape[1]):
        padded = np.concatenate([nothing, forward], axis=1)
        skipped = np.where(skips, padded[:, :-2], -np.inf)
        total = np.logaddexp(np.logaddexp(forward, padded[:, 1:-1]), skipped)
        forward = total + np.take_along_axis(logs[:, step], states, axis=1)
    last = np.take_along_axis(forward, 2 * lengths[:, None], axis=1)[:, 0]
    before = np.take_along_axis(forward, np.maximum(2 * lengths[:, None] - 1, 0), axis=1)[:, 0]
    losses: FloatArray = -np.logaddexp(last, np.where(lengths > 0, before, -np.inf))
    return losses
