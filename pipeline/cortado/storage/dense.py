"""Dense storage: every value in its place, zeros too; opens everywhere."""

from collections.abc import Collection, Iterator

import onnx
import onnx_ir as ir

from cortado.model.typing import Array
from cortado.storage.codec import Codec, StoredTensor
from cortado.storage.walk import bodies_of

__all__ = ["Dense", "dense_bytes"]


class Dense(Codec):
    """ONNX's own initializers, as they are."""

    name = "dense"

    def size(self, array: Array) -> float:
        """Return the bytes of its values."""
        return float(array.nbytes)

    def write(self, proto: onnx.ModelProto, names: Collection[str]) -> tuple[StoredTensor, ...]:
        """Return the initializers that are left, which stay as they are."""
        return tuple(tensor for tensor in self.found(proto) if tensor.name in names)

    def read(self, proto: onnx.ModelProto, source: str) -> None:
        """Leave a file as it is."""

    def found(self, proto: onnx.ModelProto) -> Iterator[StoredTensor]:
        """Yield the initializers of all graphs."""
        for graph in bodies_of(proto):
            for tensor in graph.initializer:
                size = dense_bytes(tensor)
                yield StoredTensor(tensor.name, self.name, size, 0, size)


def dense_bytes(tensor: onnx.TensorProto) -> int:
    """Return the bytes of the values of a tensor."""
    return ir.serde.deserialize_tensor(tensor).nbytes
