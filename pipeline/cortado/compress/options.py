"""How far compression goes, and how much time it takes."""

from dataclasses import dataclass
from typing import Literal

from cortado.errors import UsageError
from cortado.runtime import Runtime
from cortado.treatments import SharedValues, Zeros

__all__ = [
    "BIAS_BITS",
    "EFFORTS",
    "CompressOptions",
    "Effort",
    "EffortName",
]

EffortName = Literal["quick", "default", "max"]


@dataclass(frozen=True)
class Effort:
    """Epochs for each part of the work.

    Attributes
    ----------
    reference : int
        Retraining the dense model, for the accuracy to measure the others by.
    rung : int
        Each rung of the ladder.
    failures : int
        The number of rungs out of the limit after which the ladder ends.
    share : int
        Training the shared values.
    least_steps : int
        The fewest steps of each of them: an epoch of a small data set is short.
    images : int
        Images that a sweep measures its points on, at most.
    fitted : int
        Training images that least squares see, at most.
    step : float
        Without training: a plan takes so much of the bytes of the one before, at most.
    """

    reference: int
    rung: int
    failures: int
    share: int
    least_steps: int
    images: int
    fitted: int
    step: float


EFFORTS: dict[EffortName, Effort] = {
    "quick": Effort(1, 1, 2, 1, least_steps=100, images=500, fitted=1000, step=0.94),
    "default": Effort(2, 3, 2, 2, least_steps=300, images=1000, fitted=2000, step=0.97),
    "max": Effort(4, 8, 3, 4, least_steps=1000, images=3000, fitted=5000, step=0.985),
}

BIAS_BITS = 6
"""The bits of all biases together; they are shared last, as training would separate them again."""


@dataclass(frozen=True)
class CompressOptions:
    """The options of a compression.

    Attributes
    ----------
    max_drop : float or None
        How much worse the metric may become, in its own units; None is what is usual for it.
    floor : float or None
        The worst value of the metric on validation samples, in place of what `max_drop` implies;
        for a model whose metric on samples that it never saw is known.
    bits : int or None
        Bits of the codebooks: each layer shares at most 2^bits values. None: a sweep says.
    treatments : tuple of str
        What a compression without training tries, by names: see `cortado.treatments`. One that
        trains prunes and shares.
    train : bool
        Whether to train; without, least squares fit what is left.
    effort : {"quick", "default", "max"}
        How long to search.
    storage : str
        How the file stores its tensors: the name of a codec, see `cortado.storage`.
    shift : int
        Pixels by which training images are moved at random.
    lr : float
        Peak learning rate of Adam while pruning; shared values train at a tenth of it.
    batch : int
        Images a step.
    device : str
        Where PyTorch trains.
    seed : int
        Same seed, same machine, same bytes.
    workers : int
        Threads of a sweep.
    runtime : Runtime
        Where models run in onnxruntime.
    """

    max_drop: float | None = None
    floor: float | None = None
    bits: int | None = None
    treatments: tuple[str, ...] = (Zeros.name, SharedValues.name)
    train: bool = True
    effort: EffortName = "default"
    storage: str = "coded"
    shift: int = 1
    lr: float = 0.003
    batch: int = 128
    device: str = "auto"
    seed: int = 0
    workers: int = 1
    runtime: Runtime = Runtime()

    def __post_init__(self) -> None:
        if self.max_drop is not None and not self.max_drop >= 0:
            raise UsageError(f"the drop {self.max_drop:g} is less than nothing")
