"""A model that runs piece by piece, on many images at once.

Repairing a layer needs what the layers before it give, and changes what those behind it get. A
frontier stands somewhere in the graph and holds, for every batch of images, the values that
nodes behind it still need. It moves on by running the nodes between: as a model of their own, in
onnxruntime. So every node runs once, however many layers one stops at, and a weight behind the
frontier can be changed before its node runs.

Nodes that compute with constants alone, such as a transposed weight, belong to whatever needs
them: their results are not held.
"""

from collections.abc import Iterator, Mapping, Sequence

import onnx_ir as ir

from cortado.data import Feed, Samples, feed_batches
from cortado.model import serial
from cortado.model.cut import extract_piece
from cortado.model.layers import replace_weights
from cortado.model.reads import constant_nodes, needed_nodes, read_by
from cortado.model.typing import Array, FloatArray
from cortado.session import open_session

__all__ = ["Frontier", "read_inputs"]

_BATCH = 100


def read_inputs(model: ir.Model, samples: Samples) -> list[FloatArray]:
    """Return all images as inputs of a model, in batches that it takes, see `feed_batches`."""
    return [fed.inputs for fed in feed_batches(Feed.of(model), samples, _BATCH)]


class Frontier:
    """A place in a graph, and the values there.

    Parameters
    ----------
    model : onnx_ir.Model
        With one input that takes images; left as it is.
    batches : sequence of array
        Inputs, as `read_inputs` gives them.
    """

    def __init__(self, model: ir.Model, batches: Sequence[FloatArray]) -> None:
        name = Feed.of(model).name
        self.model = model
        self._held: list[dict[str, Array]] = [{name: batch} for batch in batches]
        constants = constant_nodes(model.graph)
        self._pending = {i for i, node in enumerate(model.graph) if node not in constants}

    def advance(self, names: Sequence[str]) -> None:
        """Move on until the values of these names are known, and drop what nothing needs."""
        known = set(self._held[0])
        passed = self._nodes_before([name for name in names if name not in known])
        self._pending -= passed
        keep = self._needed() | set(names)
        nodes = list(self.model.graph)
        made = {str(value.name) for index in passed for value in nodes[index].outputs}
        wanted = sorted(made & keep)
        if wanted:
            self._run(wanted)
        for values in self._held:
            for name in values.keys() - keep:
                del values[name]

    def values(self, name: str) -> Iterator[Array]:
        """Yield the value of that name for every batch; it must be one of the last advance."""
        for values in self._held:
            yield values[name]

    def change(self, weights: Mapping[str, Array]) -> None:
        """Give initializers other values, for the nodes that have not run."""
        self.model = replace_weights(self.model, weights)

    def _run(self, wanted: Sequence[str]) -> None:
        piece = extract_piece(self.model, sorted(self._held[0]), wanted)
        graph = piece.graph
        used = [value for value in graph.inputs if value.uses() or value.is_graph_output()]
        for value in used:
            arrays = [values[str(value.name)] for values in self._held]
            value.type = ir.TensorType(ir.DataType.from_numpy(arrays[0].dtype))
            value.shape = _common_shape(arrays)
        graph.inputs[:] = used
        session = open_session(serial.encode(piece))
        for values in self._held:
            values.update(session.run({str(v.name): values[str(v.name)] for v in used}))

    def _nodes_before(self, names: Sequence[str]) -> set[int]:
        """Return the places of the nodes that have to run for some values."""
        graph = self.model.graph
        values = ir.convenience.create_value_mapping(graph, include_subgraphs=False)
        needed = set(needed_nodes(graph, [values[name] for name in names]))
        return {i for i, node in enumerate(graph) if i in self._pending and node in needed}

    def _needed(self) -> set[str]:
        """Return the names of the values that pending nodes read, and those of the outputs."""
        pending = [node for i, node in enumerate(self.model.graph) if i in self._pending]
        values = [value for node in pending for value in read_by(node)]
        return {str(value.name) for value in (*values, *self.model.graph.outputs)}


def _common_shape(arrays: Sequence[Array]) -> ir.Shape:
    """Return the sizes of axes in which all batches agree; the others are open."""
    sizes = zip(*(array.shape for array in arrays), strict=True)
    return ir.Shape([size[0] if len(set(size)) == 1 else None for size in sizes])
