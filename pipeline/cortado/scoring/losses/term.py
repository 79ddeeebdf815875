"""One loss of one output: what it takes, what that is compared with, and what it weighs."""

from dataclasses import dataclass

from cortado.errors import CortadoError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array
from cortado.scoring.metrics.class_rows import IGNORED
from cortado.task.criteria import Criterion
from cortado.task.outputs import Scores

__all__ = ["Term", "check_classes", "check_integers", "check_sizes", "show_term"]


@dataclass(frozen=True)
class Term:
    """A loss of an output.

    Attributes
    ----------
    loss : str
        Its name in the registry, or ``package.module:callable``.
    scores : Scores
        The output. The loss takes the value `logits` of the graph, in the shape of the output.
    target : str
        The output whose targets it is compared with.
    weight : float
        The factor in the sum that is minimized.
    ignore : int or None
        The label of what does not count, beside `IGNORED`.
    alphabet : tuple of str
        The characters of the classes from 1 on, for texts.
    criterion : Criterion or None
        The settings of a loss of Caffe.
    """

    loss: str
    scores: Scores
    target: str
    weight: float = 1.0
    ignore: int | None = None
    alphabet: tuple[str, ...] = ()
    criterion: Criterion | None = None

    @property
    def name(self) -> str:
        """Its name in messages: the layer of Caffe, or the loss."""
        return self.loss if self.criterion is None else self.criterion.name

    @property
    def is_own(self) -> bool:
        """Whether it is a function of the user's own."""
        return ":" in self.loss


def show_term(term: Term) -> str:
    """Return ``5 × l1 of boxes``."""
    factor = "" if term.weight == 1 else f"{term.weight:g} × "
    outputs = f" of {term.scores.output}" if term.target else ""
    return f"{factor}{term.name}{outputs}"


def check_integers(term: Term, labels: Array) -> None:
    """Refuse labels that are no integers, with `CortadoError`."""
    if labels.dtype.kind not in "iu":
        raise CortadoError(
            f"the targets of {term.scores.output} are {labels.dtype}: "
            f"{term.loss} needs integer labels"
        )


def check_classes(term: Term, labels: Array, classes: int) -> None:
    """Refuse labels that are no classes of an output.

    Raises
    ------
    CortadoError
        If they are no integers, negative, or too large.
    """
    output = term.scores.output
    check_integers(term, labels)
    counted = labels[labels != IGNORED]
    if term.ignore is not None:
        counted = counted[counted != term.ignore]
    if counted.size and (counted.max() >= classes or counted.min() < 0):
        wrong = counted.max() if counted.max() >= classes else counted.min()
        raise CortadoError(f"the label {wrong} lies outside the {classes} classes of {output}")


def check_sizes(term: Term, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Refuse targets that do not have one number for each number of an output.

    Axes of size 1 may differ.

    Raises
    ------
    CortadoError
        If the shapes differ otherwise.
    """
    if [size for size in found if size != 1] != [size for size in wanted if size != 1]:
        raise CortadoError(
            f"the output {term.scores.output} has the shape {show_shape(found)}, "
            f"and {term.loss} compares it with targets of {show_shape(wanted)}"
        )
