"""The expected outputs of points, batch by batch: kept where small, else computed again."""

from cortado.model.typing import IntArray
from cortado.sensitivity.runner.cache import Place
from cortado.sensitivity.runner.prefix import Path
from cortado.sensitivity.runner.split_points import Network
from cortado.sensitivity.tally import Expected

__all__ = ["ExpectedOutputs"]

_KEPT_BYTES = 2**28


class ExpectedOutputs:
    """The outputs of the dense model and the targets, by batches.

    Parameters
    ----------
    network : Network
        The dense model.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._kept: dict[int, Expected] = {}
        self._room = _KEPT_BYTES

    @property
    def complete(self) -> bool:
        """Whether all of it was kept."""
        return self._room >= 0

    def put(self, indices: IntArray, wanted: Expected) -> None:
        """Keep what a batch is compared with, while there is room."""
        self._room -= wanted.bytes
        if self.complete:
            self._kept[int(indices[0])] = wanted

    def of(self, indices: IntArray) -> Expected | None:
        """Return what was kept of a batch of the same samples."""
        return self._kept.get(int(indices[0]))

    def open_rest(self, start: Place) -> Path | None:
        """Open what computes the outputs from a place on; None where all of them were kept."""
        if self.complete:
            return None
        return Path(self._network, start, [self._network.outputs], [start])
