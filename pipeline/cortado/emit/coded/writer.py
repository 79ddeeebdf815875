"""Writing decoder graphs in few bytes: short names, each constant once and in its shortest form."""

import itertools
import string
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import onnx

from cortado.model.typing import Array

__all__ = ["Attributes", "Writer"]

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
        self._names = (name for name in _short_names() if name not in taken)

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
    ) -> None:
        """Write a node with given names of its outputs."""
        node = onnx.NodeProto(op_type=op_type, input=inputs, output=outputs)
        node.attribute.extend(
            onnx.helper.make_attribute(key, value) for key, value in attributes.items()
        )
        self.nodes.append(node)

    def call(
        self, domain: str, function: str, inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        """Write a call of a function of the file."""
        node = onnx.NodeProto(op_type=function, domain=domain, input=inputs, output=outputs)
        self.nodes.append(node)


def _tensor(value: Array, name: str) -> onnx.TensorProto:
    tensor = onnx.numpy_helper.from_array(value, name)
    if value.dtype == np.int64:  # as numbers of variable length where those are shorter
        short = onnx.TensorProto(data_type=tensor.data_type, dims=value.shape, name=name)
        short.int64_data.extend(value.reshape(-1).tolist())
        if short.ByteSize() < tensor.ByteSize():
            return short
    return tensor


def _short_names() -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_letters, repeat=length):
            yield "".join(letters)
