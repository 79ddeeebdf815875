"""A codec: one form in which the initializers of a file may be stored, with its own reader."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import onnx

from cortado.model.typing import Array

__all__ = ["Codec", "StoredTensor"]


@dataclass(frozen=True)
class StoredTensor:
    """How one initializer is stored: its form, its bytes as dense values and in the file.

    What it takes in the file are the positions of values, the values (of a coded tensor: which
    of the codebook each is), and the codebook; of several that share, its part. Names, shapes
    and the nodes and tables of a decoder are in none of them. `reason` says why it could not take
    the form that was asked for; it is empty where another one is smaller.
    """

    name: str
    storage: str
    dense_bytes: int
    positions: float
    values: float
    codebook: float = 0.0
    reason: str = ""

    @property
    def stored_bytes(self) -> float:
        """Its bytes in the file; of a code, fractions too."""
        return self.positions + self.values + self.codebook


class Codec(ABC):
    """One stored form.

    `write` and `read` work on protobuf, in place: they move tensors between the initializers of
    a graph and whatever the form has instead. What `read` makes of what `write` made must be the
    same to the bit; `cortado.emit` compares it before a file is written.

    Attributes
    ----------
    name : str
        What users call it.
    rest : tuple of str
        The codecs that take, in this order, what this one leaves as it is.
    oldest_opset : int
        The oldest version of the standard operators that its files need.
    """

    name: str
    rest: tuple[str, ...] = ()
    oldest_opset: int = 0

    @abstractmethod
    def size(self, array: Array) -> float | None:
        """Return the bytes of positions, values and codebook of a tensor alone in its file.

        None where this form cannot hold it.
        """

    @abstractmethod
    def write(self, proto: onnx.ModelProto, names: Collection[str]) -> Iterable[StoredTensor]:
        """Store those initializers of these names that become smaller, in place.

        Returns
        -------
        iterable of StoredTensor
            What it stored; none where the file is left as it is.
        """

    @abstractmethod
    def read(self, proto: onnx.ModelProto, source: str) -> None:
        """Make dense initializers of what is stored in this form, in place.

        Any file comes here, also one that has nothing in this form.

        Parameters
        ----------
        proto : onnx.ModelProto
            The file, which is a valid model.
        source : str
            What to call it in an error.

        Raises
        ------
        CortadoError
            If what is stored is damaged.
        """

    def can_store(self, proto: onnx.ModelProto) -> bool:  # noqa: ARG002  codecs say no by it
        """Return whether `write` would store anything; asked before an old opset is raised."""
        return True

    def reasons(self, proto: onnx.ModelProto) -> dict[str, str]:  # noqa: ARG002
        """Return why some initializers, by their names, cannot be in this form at all."""
        return {}

    def found(self, proto: onnx.ModelProto) -> Iterable[StoredTensor]:  # noqa: ARG002
        """Return the tensors that a file holds in this form, where the file alone tells."""
        return ()

    def must_be_rewritten(self, proto: onnx.ModelProto) -> bool:  # noqa: ARG002
        """Return whether only writing a file anew tells what its tensors take."""
        return False
