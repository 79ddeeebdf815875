"""One row of a table: its columns, what it shares with all others, and what it cannot be.

Tables are files, and people edit them.
"""

from dataclasses import dataclass, fields
from typing import TypeAlias, get_args

from cortado.prune import Method
from cortado.quantize import MAX_BITS

__all__ = ["Identity", "Key", "Row", "fault_of"]

Key: TypeAlias = tuple[str, str, float, str, int]
"""Layer, kind, rate, method and seed: what tells a row from all others."""

_KINDS = ("prune", "bits", "dense", "skipped")
_FIGURES = ("loss", "kl", "ci_low", "ci_high", "lost", "gained", "dense_loss")
_FRACTIONS = ("accuracy", "ci_low", "ci_high")
_MOST_IMAGES = 2**53  # whole numbers that are exact as floats


@dataclass(frozen=True)
class Identity:
    """What all rows of a table share: they could not be compared otherwise.

    Attributes
    ----------
    model : str
        The hash of its initializers.
    data, split : str
        What it was measured on.
    images : int
        How many images there are; a point that stopped early saw fewer.
    against : {"labels", "dense"}
        What a correct class is: the label, or the choice of the dense model.
    output : str
        That of the model which was scored.
    """

    model: str
    data: str
    split: str
    images: int
    against: str
    output: str

    def difference(self, other: "Identity") -> str:
        """Say in what this differs from another: ``of another model: a, not b``."""
        pairs = ((f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        name, own, its = next((name, a, b) for name, a, b in pairs if a != b)
        kinds = {"data": "data set", "images": "number of images", "against": "way of counting"}
        return f"of another {kinds.get(name, name)}: {own}, not {its}"


@dataclass(frozen=True)
class Row:
    """One point, as the columns of the file.

    Attributes
    ----------
    layer : str
        Its name; ``*`` is the model as it is.
    kind : {"prune", "bits", "dense", "skipped"}
        What is done to it.
    rate : float
        The fraction of zeros, or the bits; 0 of what is neither pruned nor shared.
    accuracy, loss, kl : float or None
        See `tally`, the last two in nats; None with a note.
    samples : int
        Images that the figures are about.
    ci_low, ci_high : float or None
        The 95 % interval of the accuracy.
    seconds : float
        Spent in onnxruntime.
    seed : int
        Of the method; 0 but for ``prune``.
    lost, gained : int or None
        Images that the dense model alone gets right, and the changed one alone.
    dense_loss : float or None
        The loss of the dense model on the same images, in nats.
    weights, zeros : int
        Of the layer, at this point.
    method : str
        How weights to prune are chosen; empty but for ``prune``.
    against, data, split, output, model : str
        See `Identity`.
    images : int
        See `Identity`.
    note : str
        Why there are no figures.
    """

    layer: str
    kind: str
    rate: float
    accuracy: float | None
    loss: float | None
    kl: float | None
    samples: int
    ci_low: float | None
    ci_high: float | None
    seconds: float
    seed: int
    lost: int | None
    gained: int | None
    dense_loss: float | None
    weights: int
    zeros: int
    method: str
    against: str
    data: str
    split: str
    images: int
    output: str
    model: str
    note: str

    @property
    def identity(self) -> Identity:
        """What the row must share with all others."""
        return Identity(*(getattr(self, field.name) for field in fields(Identity)))

    @property
    def key(self) -> Key:
        """What tells the row from all others."""
        return (self.layer, self.kind, self.rate, self.method, self.seed)

    @property
    def drop(self) -> float:
        """The fall of the accuracy, image by image; 0 without figures."""
        return ((self.lost or 0) - (self.gained or 0)) / max(self.samples, 1)

    @property
    def rise(self) -> float:
        """The rise of the loss on the same images, in nats; 0 without figures."""
        return (self.loss or 0.0) - (self.dense_loss or 0.0)


def fault_of(row: Row) -> str:
    """Return which value no sweep writes, and what it must be; empty if there is none."""
    if row.kind not in _KINDS:
        return f"kind is {row.kind!r}, and must be one of {', '.join(_KINDS)}"
    if row.kind == "dense" and row.accuracy is None:
        return "accuracy is empty, and must be that of the dense model"
    if row.kind == "prune" and not 0 < row.rate < 1:
        return f"rate is {row.rate:g}, and must be a fraction between 0 and 1"
    if row.kind == "prune" and row.method not in get_args(Method):
        return f"method is {row.method!r}, and must be one of {', '.join(get_args(Method))}"
    if row.kind == "bits" and row.rate not in range(1, MAX_BITS + 1):
        return f"rate is {row.rate:g}, and must be bits, a whole number from 1 to {MAX_BITS}"
    if row.seed < 0:
        return f"seed is {row.seed}, and must be a whole number from 0 up"
    if row.images > _MOST_IMAGES:
        return f"images is {row.images}, beyond every count"
    return "" if row.accuracy is None else _fault_of_figures(row)


def _fault_of_figures(row: Row) -> str:
    for name in _FIGURES:
        if getattr(row, name) is None:
            return f"{name} is empty, and must be a number, as accuracy is"
    for name in _FRACTIONS:
        if not 0 <= getattr(row, name) <= 1:
            return f"{name} is {getattr(row, name):g}, and must be a fraction from 0 to 1"
    if not 1 <= row.samples <= row.images:
        return f"samples is {row.samples}, and must be a whole number from 1 to {row.images} images"
    lost, gained = row.lost or 0, row.gained or 0
    if min(lost, gained) < 0 or lost + gained > row.samples:
        return f"lost and gained are {lost} and {gained}, and must be some of the images"
    return ""
