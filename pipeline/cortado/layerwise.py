"""A model that runs piece by piece, on many samples at once.

Repairing a layer needs what the layers before it give, and changes what those behind it get. A
frontier stands somewhere in the graph and knows, for every batch of samples, the values that
nodes behind it still need. It moves on by running the nodes between: as a model of their own, in
onnxruntime. A weight behind the frontier can be changed before its node runs.

Where these values fit in the memory that is allowed, they are held, so that every node runs once,
however many layers one stops at. Where they do not, what was held last stays, at first nothing
but the source of the samples, and a batch at a time is computed from there when it is asked for.

Nodes that compute with constants alone, such as a transposed weight, belong to whatever needs
them: their results are not held. Neither are sequences and optional values: where one is needed,
what was held before it stays.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import onnx_ir as ir

from cortado.data import Feed
from cortado.model.graph.extract import extract_piece
from cortado.model.graph.reads import constant_nodes, needed_nodes, read_by
from cortado.model.layers.prunable import replace_weights
from cortado.model.onnx_io import serial
from cortado.model.typing import Array
from cortado.runtime import Runtime

__all__ = ["MEMORY", "Batches", "Frontier", "Values"]

MEMORY = 2**30
"""Bytes of values that a frontier holds, if nothing else is said."""

_Named = dict[str, Array]


class Batches(Protocol):
    """Batches that can be iterated again and again, such as `cortado.data.Inputs`.

    A batch maps each input of the graph to its array.
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[dict[str, Array]]: ...


class Frontier:
    """A place in a graph, and the values there.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    batches : Batches
        Values of its inputs.
    runtime : Runtime
        Where the pieces run.
    memory : int
        Bytes of values that may be held.
    lasting : collection of str
        Values that stay known once they are, as the outputs of the model do.
    """

    def __init__(
        self,
        model: ir.Model,
        batches: Batches,
        runtime: Runtime,
        memory: int = MEMORY,
        lasting: Collection[str] = (),
    ) -> None:
        names = Feed.of(model).names
        self._lasting = set(lasting)
        self.model = model
        self._memory, self._runtime = memory, runtime
        self._base: list[_Named] | Batches = batches  # what was held last
        self._known = set(names)  # the values there
        self._live = set(names)  # the values at the frontier
        constants = constant_nodes(model.graph)
        self._pending = {i for i, node in enumerate(model.graph) if node not in constants}

    def advance(self, names: Sequence[str]) -> None:
        """Move on until the values of these names are known, and drop what nothing needs."""
        passed = self._nodes_before([name for name in names if name not in self._live])
        self._pending -= passed
        nodes = list(self.model.graph)
        made = {str(value.name) for index in passed for value in nodes[index].outputs}
        self._live = (self._live | made) & (self._needed() | set(names))
        self._hold()

    def values(self, name: str, part: slice = slice(None)) -> "Values":
        """Return a value for every batch, or for some; its name must be of the last advance."""
        return Values(self, name, part)

    def change(self, weights: Mapping[str, Array]) -> None:
        """Give initializers other values, for the nodes that have not run."""
        self.model = replace_weights(self.model, weights)

    def compute(self, names: Sequence[str], part: slice) -> Iterator[_Named]:
        """Yield values at the frontier, by name, for some of the batches."""
        run = self._runner([name for name in names if name not in self._known])
        for values in islice(self._base, part.start, part.stop):
            yield {name: values[name] for name in names if name in values} | run(values)

    def _hold(self) -> None:
        """Hold the live values of all batches, if they are not too large."""
        held: list[_Named] = []
        count = len(self._base)
        for index, values in enumerate(self.compute(sorted(self._live), slice(None))):
            if not all(isinstance(x, np.ndarray) for x in values.values()):
                return
            if not held and count * sum(x.nbytes for x in values.values()) > self._memory:
                return
            if isinstance(self._base, list):
                self._base[index] = {}  # what it held is not needed any more
            held.append(values)
        self._base, self._known = held, set(self._live)

    def _runner(self, wanted: Sequence[str]) -> Callable[[_Named], _Named]:
        """Return what computes values from those of the base."""
        if not wanted:
            return lambda _values: {}
        piece = extract_piece(self.model, sorted(self._known), wanted)
        graph = piece.graph
        used = [value for value in graph.inputs if value.uses() or value.is_graph_output()]
        if isinstance(self._base, list):
            for value in used:
                arrays = [values[str(value.name)] for values in self._base]
                value.type = ir.TensorType(ir.DataType.from_numpy(arrays[0].dtype))
                value.shape = _common_shape(arrays)
        graph.inputs[:] = used
        session = self._runtime.open(serial.encode(piece))
        names = [str(value.name) for value in used]
        return lambda values: session.run({name: values[name] for name in names})

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
        named = {str(value.name) for value in (*values, *self.model.graph.outputs)}
        return named | self._lasting


@dataclass(frozen=True)
class Values:
    """A value at a frontier, batch by batch, as often as one likes."""

    frontier: Frontier
    name: str
    part: slice

    def __iter__(self) -> Iterator[Array]:
        for values in self.frontier.compute([self.name], self.part):
            yield values[self.name]


def _common_shape(arrays: Sequence[Array]) -> ir.Shape | None:
    """Return the sizes of axes in which all batches agree, others open; None if ranks differ."""
    if len({array.ndim for array in arrays}) > 1:
        return None
    sizes = zip(*(array.shape for array in arrays), strict=True)
    return ir.Shape([size[0] if len(set(size)) == 1 else None for size in sizes])
