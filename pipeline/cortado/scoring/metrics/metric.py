"""The interface of a metric: a name, a direction, and statistics of each sample.

A metric compares what a model gives with targets, or with what the dense model gives, sample by
sample. It keeps k numbers of each sample, its *parts*; the value of any set of samples follows
from the parts alone. So values merge, subsets cost nothing, and two models are compared on the
same samples by tests for paired samples.

    binary    parts (n, 1) of 0 or 1; the value is their mean           accuracy
    mean      parts (n, 1); the value is their mean                     cosine
    pooled    parts (n, k); the value is any function of their sums     relative error, IoU
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from cortado.model.typing import Array, FloatArray
from cortado.task.outputs import Scores

__all__ = ["A_HALF_POINT", "Against", "Metric", "Outputs", "Scored", "mean_of", "with_number"]

Outputs: TypeAlias = Mapping[str, Array]
"""Output name → array of shape (n, …): what a model gives, or what it should give."""

A_HALF_POINT = 0.005
"""The usual drop of a metric that is a fraction of samples, positions, pixels or characters."""

Against: TypeAlias = Literal["targets", "reference"]
"""The counterpart of outputs: targets of the data, or the outputs of the dense model."""


@dataclass(frozen=True)
class Scored:
    """Facts about the outputs that a metric is made for.

    Attributes
    ----------
    outputs : tuple of Scores
        The outputs that are scored, the main one first.
    targets : mapping of str to array, or None
        Those of one sample, of shape (1, …), by the outputs that they belong to.
    alphabet : tuple of str
        The characters of a text recogniser; empty where nothing says them.
    ignore : int or None
        The label of what does not count.
    sizes : mapping of str to (int or None)
        The elements of an output for one sample, by its name; None where they are not fixed.
    shapes : mapping of str to tuple
        The shape of an output for the first sample, (1, …), by its name.
    """

    outputs: tuple[Scores, ...]
    targets: Outputs | None = None
    alphabet: tuple[str, ...] = ()
    ignore: int | None = None
    sizes: Mapping[str, int | None] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def main(self) -> Scores:
        """The main output."""
        return self.outputs[0]

    @property
    def against(self) -> Against:
        """The counterpart for a metric that takes targets: they, or the dense model."""
        return "reference" if self.targets is None else "targets"

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs that are compared: those with targets, or all where there are none."""
        names = tuple(output.output for output in self.outputs)
        return names if self.targets is None else tuple(n for n in names if n in self.targets)


class Metric(Protocol):
    """A figure of merit of a model.

    Attributes
    ----------
    name : str
        Its name in tables, plans and pictures.
    higher_is_better : bool
        Its direction.
    kind : {"binary", "mean", "pooled"}
        What its parts are, which decides the statistics.
    against : {"targets", "reference"}
        What it compares outputs with.
    usual_drop : float or None
        How much worse it may become where the user does not say it; None where no number suits
        all nets, as of an error in the units of the outputs.
    """

    @property
    def name(self) -> str:
        """What tables, plans and pictures call it."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """The direction."""
        ...

    @property
    def kind(self) -> Literal["binary", "mean", "pooled"]:
        """The kind of its parts."""
        ...

    @property
    def against(self) -> Against:
        """The counterpart of outputs."""
        ...

    @property
    def usual_drop(self) -> float | None:
        """How much worse it may become by default."""
        ...

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return the statistics of n samples, of shape (n, k), float64.

        Parameters
        ----------
        found : mapping of str to array
            Outputs of a model, of shape (n, …).
        wanted : mapping of str to array
            Targets, or outputs of the dense model, by the names of outputs.

        Raises
        ------
        CortadoError
            If they do not fit each other.
        """
        ...

    def value(self, parts: FloatArray) -> float:
        """Return the value of the samples whose parts are given, NaN where nothing counts."""
        ...


def mean_of(parts: FloatArray) -> float:
    """Return the mean of parts (n, 1)."""
    return float(parts.mean()) if parts.size else float("nan")


def with_number(name: str, mark: str, number: float | None) -> str:
    """Return a name with the number at its end, if there is one: ``iou@0.3``."""
    return name if number is None else f"{name}{mark}{number:.15g}"
