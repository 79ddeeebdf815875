"""The options of a repair."""

from dataclasses import dataclass

from cortado.errors import UsageError
from cortado.layerwise import MEMORY
from cortado.runtime import Runtime

__all__ = ["RepairOptions"]


@dataclass(frozen=True)
class RepairOptions:
    """How to fit the weights that are left.

    Attributes
    ----------
    damping : float
        How strongly weights are drawn to their old values, as a fraction of the mean variance of
        a layer's inputs.
    rows : int
        The most positions of a layer that are fitted, over all samples.
    seed : int
        Of the choice of those positions.
    memory : int
        Bytes of values that either model may hold; more are computed again for each layer.
    runtime : Runtime
        Where models run.
    raw : bool
        Feed arrays as they are, whatever transform the models store.

    Raises
    ------
    UsageError
        If there is no damping, or there are no rows.
    """

    damping: float = 0.01
    rows: int = 40_000
    seed: int = 0
    memory: int = MEMORY
    runtime: Runtime = Runtime()
    raw: bool = False

    def __post_init__(self) -> None:
        if not self.damping > 0 or self.rows < 1:
            raise UsageError("damping must be positive, and a fit needs a row")
