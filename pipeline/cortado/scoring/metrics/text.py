"""The character error rate of text recognisers that end in CTC.

    CER = Σ edits(found, wanted) / Σ characters of wanted        over all samples

The text of a sample is the greedy path: the best class at each step, repetitions merged, blanks
removed (Graves et al. 2006, ICML). Class 0 is the blank and the characters of the alphabet follow;
one class more than that is a space, as PaddleOCR's recognisers have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array, FloatArray, IntArray
from cortado.scoring.metrics.form import NO_NUMBER, MetricForm
from cortado.scoring.metrics.metric import A_HALF_POINT, Against, Outputs, Scored
from cortado.task.outputs import Scores

__all__ = ["CER", "CharacterErrors", "characters_of", "edit_distance", "greedy_path"]

_BLANK = 0


@dataclass(frozen=True)
class CharacterErrors:
    """The character error rate.

    Attributes
    ----------
    output : Scores
        Scores of shape (n, steps, classes).
    alphabet : tuple of str
        The characters of the classes from 1 on; needed only to compare with texts.
    against : {"targets", "reference"}
        Texts or labels of the data, or what the dense model reads.
    """

    output: Scores
    alphabet: tuple[str, ...] = ()
    against: Against = "targets"
    higher_is_better: bool = False
    kind: Literal["binary", "mean", "pooled"] = "pooled"
    name: str = "cer"
    usual_drop: float | None = A_HALF_POINT

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return edits and characters of each sample, of shape (n, 2)."""
        scores = found[self.output.output]
        read = self._paths(scores)
        true = self._wanted(wanted[self.output.output], scores.shape[-1])
        counts = [(edit_distance(a, b), len(b)) for a, b in zip(read, true, strict=True)]
        return np.array(counts, np.float64).reshape(-1, 2)

    def value(self, parts: FloatArray) -> float:
        """Return edits by characters."""
        edits, characters = parts.sum(axis=0)
        return float(edits / characters) if characters else float("nan")

    def _paths(self, scores: Array) -> list[IntArray]:
        if scores.ndim != 3:
            raise CortadoError(
                f"the output {self.output.output} has the shape {show_shape(scores.shape)}; "
                "a character error rate needs scores of shape (n, steps, classes)"
            )
        return greedy_path(scores)

    def _wanted(self, target: Array, classes: int) -> list[IntArray]:
        """Return the classes of the wanted characters."""
        if self.against == "reference":
            return self._paths(target)
        if target.dtype.kind in "iu":
            rows = target.reshape(len(target), -1).astype(np.int64)
            return [row[row > _BLANK] for row in rows]
        if target.dtype.kind != "U":
            raise CortadoError(f"the targets are {target.dtype}, not texts nor classes")
        characters = characters_of(self.alphabet, classes, self.output.output)
        places = {character: i + 1 for i, character in enumerate(characters)}
        unknown = classes  # of a character that no class stands for: an error in any case
        return [
            np.array([places.get(c, unknown) for c in str(text)], np.int64)
            for text in target.reshape(-1)
        ]


def characters_of(alphabet: Sequence[str], classes: int, output: str) -> tuple[str, ...]:
    """Return the characters of the classes from 1 on: an alphabet, perhaps with a space behind it.

    Raises
    ------
    CortadoError
        If the alphabet does not fit the classes of the output.
    """
    missing = classes - 1 - len(alphabet)
    if not alphabet or missing not in (0, 1):
        known = f"an alphabet of {len(alphabet)}" if alphabet else "no alphabet"
        raise CortadoError(
            f"the output {output} has {classes} classes, and the model {known} "
            "characters: name them with --alphabet FILE, a line each"
        )
    return (*alphabet, " ") if missing else tuple(alphabet)


def greedy_path(scores: Array) -> list[IntArray]:
    """Return the classes of each sample's greedy path, for scores (n, steps, classes)."""
    best = scores.argmax(axis=2)
    kept = best != _BLANK
    kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    return [row[mask] for row, mask in zip(best, kept, strict=True)]


def edit_distance(first: IntArray, second: IntArray) -> int:
    """Return the Levenshtein distance of two sequences, in O(n) array operations."""
    steps = np.arange(len(second) + 1)
    row = steps
    for place, item in enumerate(first):
        replaced = row[:-1] + (second != item)
        best = np.minimum(replaced, row[1:] + 1)
        lower = np.concatenate([[place + 1], best])
        row = np.minimum.accumulate(lower - steps) + steps  # insertions, one after the other
    return int(row[-1])


def _make(scored: Scored, _: float | None) -> CharacterErrors:
    return CharacterErrors(scored.main, scored.alphabet, scored.against)


CER = MetricForm(_make, "CER", NO_NUMBER, ("texts", "labels"))
