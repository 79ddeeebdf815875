"""How far compression goes, and how much time it takes. This module does not import torch."""

from dataclasses import dataclass
from typing import Literal

from cortado.emit.storage import Storage

__all__ = ["EFFORTS", "CompressOptions", "Effort", "EffortName"]

EffortName = Literal["quick", "default", "max"]


@dataclass(frozen=True)
class Effort:
    """Epochs for each part of the work.

    Attributes
    ----------
    reference : int
        Retraining the dense model, for the reference and as the teacher of nothing else.
    first : int
        The first rung, a long gradual pruning.
    rung : int
        Each further rung.
    rungs : int
        The most rungs after the first.
    share : int
        Training the shared values.
    """

    reference: int
    first: int
    rung: int
    rungs: int
    share: int


EFFORTS: dict[EffortName, Effort] = {
    "quick": Effort(reference=1, first=3, rung=1, rungs=6, share=1),
    "default": Effort(reference=2, first=8, rung=2, rungs=8, share=2),
    "max": Effort(reference=5, first=20, rung=6, rungs=16, share=5),
}


@dataclass(frozen=True)
class CompressOptions:
    """What the user asks for.

    Attributes
    ----------
    max_drop : float
        The accuracy that may be lost, as a fraction of the images.
    bits : int
        Bits of the codebooks: each layer shares at most 2^bits values.
    effort : {"quick", "default", "max"}
        How long to search.
    storage : {"dense", "sparse"}
        How the file stores its tensors.
    shift : int
        Pixels by which training images are moved at random.
    lr : float
        Peak learning rate of Adam.
    device : str
        Where PyTorch trains.
    seed : int
        Same seed, same machine, same bytes.
    """

    max_drop: float = 0.005
    bits: int = 4
    effort: EffortName = "default"
    storage: Storage = "sparse"
    shift: int = 1
    lr: float = 0.001
    device: str = "auto"
    seed: int = 0
