"""Writing decoder graphs in few bytes: short names, each constant once and in its shortest form."""

import itertools
import string
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import onnx

from cortado.model.typing import Array

__all__ = ["Attributes", "Writer", "short_names"]

Attributes: TypeAlias = Mapping[str, int | str | Sequence[int]]

_NONE: Attributes = MappingProxyType({})


class Writer:
    """Collects the nodes and constants of a decoder.

    Parameters
    ----------
    taken : set of str
        Names that are not free.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        In the order in which they were written.
    constants : list of onnx.TensorProto
        The initializers that the nodes use.
    """

    def __init__(self, taken: set[str]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._names = (name for name in short_names() if name not in taken)

    def name(self) -> str:
        """Return a short name that is free."""
        return next(self._names)

    def constant(self, value: Array | np.floating[Any]) -> str:
        """Return the name of an initializer with this value."""
        value = np.asarray(value)
        key = (str(value.dtype), value.shape, value.tobytes())
        if key not in self._known:
            self._known[key] = self.name()
            self.constants.append(_tensor(value, self._known[key]))
        return self._known[key]

    def integers(self, *values: int) -> str:
        """Return the name of an int64 initializer of shape (n,)."""
        return self.constant(np.array(values, np.int64))

    def node(self, op_type: str, inputs: Sequence[str], attributes: Attributes = _NONE) -> str:
        """Write a node of one output, and return the name of that."""
        output = self.name()
        self.put(op_type, inputs, [output], attributes)
        return output

    def put(
        self,
        op_type: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: Attributes = _NONE,
        domain: str = "",
    ) -> None:
        """Write a node with given names of its outputs; of another domain, a call."""
        node = onnx.NodeProto(op_type=op_type, input=inputs, output=outputs)
        if domain:  # an empty one would take two bytes
            node.domain = domain
        node.attribute.extend(
            onnx.helper.make_attribute(key, value) for key, value in attributes.items()
        )
        self.nodes.append(node)


def _tensor(value: Array, name: str) -> onnx.TensorProto:
    tensor = onnx.numpy_helper.from_array(value, name)
    if value.dtype == np.int64:  # as numbers of variable length where those are shorter
        short = onnx.TensorProto(data_type=tensor.data_type, dims=value.shape, name=name)
        short.int64_data.extend(value.reshape(-1).tolist())
        if short.ByteSize() < tensor.ByteSize():
            return short
    return tensor


def short_names() -> Iterator[str]:
    """Yield a, b, … Z, aa, ab, … without end."""
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_letters, repeat=length):
            yield "".join(letters)
