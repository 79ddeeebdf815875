"""One row of a table: its columns, what it shares with all others, and what it cannot be.

Tables are files, and people edit them.
"""

from dataclasses import dataclass, fields
from typing import TypeAlias, get_args

from cortado.prune import Method
from cortado.treatments import DENSE, UNTREATED, all_treatments, treatment_named

__all__ = ["Identity", "Key", "Row", "fault_of"]

Key: TypeAlias = tuple[str, str, float, str, int]
"""Layer, treatment, level, method and seed: what tells a row from all others."""

_DIRECTIONS = ("higher", "lower")
_FIGURES = (
    "dense", "drop", "drop_low", "drop_high", "drop_variance", "ci_low", "ci_high",
    "loss", "dense_loss", "divergence",
)  # fmt: skip
_FRACTIONS = ("value", "dense", "ci_low", "ci_high")  # of a metric that counts samples
_MOST_SAMPLES = 2**53  # whole numbers that are exact as floats


@dataclass(frozen=True)
class Identity:
    """The columns in which all rows of a table agree: otherwise they could not be compared.

    Attributes
    ----------
    model : str
        The hash of its initializers.
    data, split : str
        What it was measured on.
    total : int
        How many samples there are; a point that stopped early saw fewer.
    metric : str
        The name of the metric.
    better : {"higher", "lower"}
        Its direction.
    against : {"targets", "reference"}
        What it compares outputs with: targets of the data, or the outputs of the dense model.
    output : str
        The outputs that were scored.
    """

    model: str
    data: str
    split: str
    total: int
    metric: str
    better: str
    against: str
    output: str

    def difference(self, other: "Identity") -> str:
        """Describe the difference from another: ``of another model: a, not b``."""
        pairs = ((f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        name, own, its = next((name, a, b) for name, a, b in pairs if a != b)
        kinds = {
            "data": "data set",
            "total": "number of samples",
            "better": "direction of the metric",
            "against": "way of counting",
        }
        return f"of another {kinds.get(name, name)}: {own}, not {its}"


@dataclass(frozen=True)
class Row:
    """One point, as the columns of the file.

    Attributes
    ----------
    layer : str
        Its name; ``*`` is the model as it is.
    treatment : str
        The name of what is done to it, ``dense`` or ``skipped``.
    level : float
        How far; 0 without a treatment.
    metric, better : str
        See `Identity`.
    value : float or None
        The metric; None with a note, as all other figures.
    dense : float or None
        The metric of the dense model on the same samples.
    drop, drop_low, drop_high : float or None
        How much worse the value is than that, and the 95 % interval for as many other samples.
    drop_variance : float or None
        The variance of the drop.
    ci_low, ci_high : float or None
        The 95 % interval of the value.
    lost, gained : int or None
        Samples that the dense model alone gets right, and the changed one alone; None for a metric
        that does not count samples.
    loss, dense_loss : float or None
        The mean loss of the point and of the dense model on the same samples.
    divergence : float or None
        The mean divergence from the outputs of the dense model.
    samples : int
        Samples that the figures are about.
    seconds : float
        Spent in onnxruntime.
    seed : int
        Of the method; 0 where the treatment chooses no weights.
    weights, zeros : int
        Of the layer, at this point.
    method : str
        How the treatment chooses weights; empty where it does not.
    against, data, split, total, output, model
        See `Identity`.
    note : str
        Why there are no figures.
    """

    layer: str
    treatment: str
    level: float
    metric: str
    better: str
    value: float | None
    dense: float | None
    drop: float | None
    drop_low: float | None
    drop_high: float | None
    drop_variance: float | None
    ci_low: float | None
    ci_high: float | None
    lost: int | None
    gained: int | None
    loss: float | None
    dense_loss: float | None
    divergence: float | None
    samples: int
    seconds: float
    seed: int
    weights: int
    zeros: int
    method: str
    against: str
    data: str
    split: str
    total: int
    output: str
    model: str
    note: str

    @property
    def identity(self) -> Identity:
        """The columns in which the row must agree with all others."""
        return Identity(*(getattr(self, field.name) for field in fields(Identity)))

    @property
    def key(self) -> Key:
        """The columns that tell the row from all others."""
        return (self.layer, self.treatment, self.level, self.method, self.seed)

    @property
    def is_dense(self) -> bool:
        """Whether it is that of the model as it is."""
        return self.treatment == DENSE

    @property
    def higher_is_better(self) -> bool:
        """The direction of the metric."""
        return self.better == "higher"

    @property
    def rise(self) -> float:
        """The rise of the loss on the same samples; 0 without figures."""
        return (self.loss or 0.0) - (self.dense_loss or 0.0)


def fault_of(row: Row) -> str:
    """Return which value no sweep writes, and what it must be; empty if there is none."""
    if row.better not in _DIRECTIONS:
        return f"better is {row.better!r}, and must be one of {', '.join(_DIRECTIONS)}"
    if row.is_dense and row.value is None:
        return "value is empty, and must be that of the dense model"
    fault = "" if row.treatment in UNTREATED else _fault_of_treatment(row)
    if fault:
        return fault
    if row.seed < 0:
        return f"seed is {row.seed}, and must be a whole number from 0 up"
    if row.total > _MOST_SAMPLES:
        return f"total is {row.total}, beyond every count"
    return "" if row.value is None else _fault_of_figures(row)


def _fault_of_treatment(row: Row) -> str:
    known = [treatment.name for treatment in all_treatments()]
    if row.treatment not in known:
        names = ", ".join((*known, *UNTREATED))
        return (
            f"treatment is {row.treatment!r}, and must be one of {names}; others are known by "
            "--treatment package.module:name"
        )
    treatment = treatment_named(row.treatment)
    words = treatment.requirement(row.level)
    if words:
        return f"level is {row.level:g}, and must be {words}"
    if treatment.selects and row.method not in get_args(Method):
        return f"method is {row.method!r}, and must be one of {', '.join(get_args(Method))}"
    return ""


def _fault_of_figures(row: Row) -> str:
    for name in _FIGURES:
        if getattr(row, name) is None:
            return f"{name} is empty, and must be a number, as value is"
    if not 1 <= row.samples <= row.total:
        return f"samples is {row.samples}, and must be a whole number from 1 to {row.total}"
    if (row.drop_variance or 0.0) < 0:
        return f"drop_variance is {row.drop_variance:g}, and must not be negative"
    if (row.lost is None) != (row.gained is None):
        return "lost and gained are given both or none"
    return "" if row.lost is None else _fault_of_counts(row)


def _fault_of_counts(row: Row) -> str:
    """Return what is wrong with the figures of a metric that counts samples."""
    for name in _FRACTIONS:
        if not 0 <= getattr(row, name) <= 1:
            return f"{name} is {getattr(row, name):g}, and must be a fraction from 0 to 1"
    lost, gained = row.lost or 0, row.gained or 0
    if min(lost, gained) < 0 or lost + gained > row.samples:
        return f"lost and gained are {lost} and {gained}, and must be some of the samples"
    return ""
