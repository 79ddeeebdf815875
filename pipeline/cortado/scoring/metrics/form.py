"""The meaning of a metric's name: how it is made, and which numbers and targets it takes.

A name may end in a number, as in ``top-5`` or ``iou@0.3``. Targets are of three kinds:

    labels    integers, each a class of a sample, a position or a pixel
    arrays    numbers, as many as the output has
    texts     of text recognisers

Integers that are as many as the output has are labels and arrays. A metric that takes the targets
compares with them. Where it takes none of their kinds it compares with the dense model, unless it
needs targets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cortado.errors import CortadoError, UsageError
from cortado.model.shape_text import show_shape
from cortado.model.typing import Array
from cortado.scoring.metrics.metric import Metric, Scored

__all__ = ["ANY_NUMBER", "NO_NUMBER", "Factory", "MetricForm", "NumberRule", "TargetKind"]

Factory: TypeAlias = Callable[[Scored, float | None], Metric]
"""Makes a metric for some outputs; the number is the one behind the name, if any."""

TargetKind: TypeAlias = Literal["labels", "arrays", "texts"]

_KINDS: dict[TargetKind, str] = {
    "labels": "labels (integers of classes)",
    "arrays": "arrays of the output's shape",
    "texts": "texts",
}


@dataclass(frozen=True)
class NumberRule:
    """Which numbers may end a name.

    Attributes
    ----------
    words : str
        What they are: ``a whole number from 1 up``; empty where no number may.
    holds : callable
        Returns whether a number is one.
    is_needed : bool
        Whether the name alone is no metric.
    """

    words: str
    holds: Callable[[float], bool]
    is_needed: bool = False


NO_NUMBER = NumberRule("", lambda _: False)
ANY_NUMBER = NumberRule("a number", lambda _: True)


@dataclass(frozen=True)
class MetricForm:
    """The meaning of a metric's name.

    Attributes
    ----------
    make : callable
        See `Factory`. It compares with the dense model where there are no targets.
    title : str
        The name as texts have it, such as an acronym in capitals; empty for the name itself.
    number : NumberRule
        The numbers that may end the name.
    takes : tuple of str
        The kinds of targets that it takes; none where it compares with the dense model always.
    needs_targets : bool
        Whether it cannot compare with the dense model.
    compares_all : bool
        Whether it compares all outputs that have targets, or the main one alone.
    """

    make: Factory
    title: str = ""
    number: NumberRule = ANY_NUMBER
    takes: tuple[TargetKind, ...] = ("labels", "arrays", "texts")
    needs_targets: bool = False
    compares_all: bool = False

    def misfit(self, scored: Scored) -> str:
        """Return which targets it does not take, as part of a message; empty if there are none."""
        if scored.targets is None or not self.takes:
            return ""
        names = scored.names if self.compares_all else (scored.main.output,)
        for name in names:
            target = scored.targets.get(name)
            if target is None:
                return f"no targets of the output {name}"
            kinds = _kinds_of(target, scored.sizes.get(name))
            if not kinds & set(self.takes):
                what = " and ".join(_KINDS[kind] for kind in _KINDS if kind in kinds)
                shape = show_shape(target.shape[1:])
                a_sample = f" of shape {shape} a sample" if shape else ""
                return f"{what or 'targets'} of the output {name}, {target.dtype}{a_sample}"
        return "" if names else "no targets of the outputs"

    def check_targets(self, scored: Scored, name: str) -> None:
        """Refuse data without targets, or with others than it takes, where it needs them.

        Raises
        ------
        UsageError
            If there are none.
        CortadoError
            If it needs others.
        """
        if not self.needs_targets:
            return
        if scored.targets is None:
            raise UsageError(
                f"the metric {name} needs labels, and the data have none: agreement, "
                "relative-error and others compare with the dense model instead"
            )
        misfit = self.misfit(scored)
        if misfit:
            wanted = " or ".join(_KINDS[kind] for kind in self.takes)
            raise CortadoError(f"the metric {name} needs {wanted}, and the data have {misfit}")


def _kinds_of(target: Array, size: int | None) -> set[TargetKind]:
    """Return the kinds that targets of one sample may be of, for an output of some elements."""
    if target.dtype.kind == "U":
        return {"texts"}
    if target.dtype.kind not in "iu":
        return {"arrays"}
    return {"labels", "arrays"} if size in (None, target.size) else {"labels"}
