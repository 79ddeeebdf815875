"""The figures of a compression: bytes of every stage and layer, and the curves of the layers.

The bytes of a stage are those of the file that would be written if it were the last. A layer's
bytes are those of its positions, values and codebook there, as the encoder counts them. The
curves are those of the dense model, each layer alone: those that plans were made of, or others that
were asked for. Their chosen points are where the file has gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.compress.options import EFFORTS, CompressOptions
from cortado.compress.passes import Compressed
from cortado.compress.stage_curves import measure_curves
from cortado.compress.stages import Compression
from cortado.emit import Emitted, StoredTensor
from cortado.inspect.describe import describe
from cortado.model.graph.constants import initializers_of
from cortado.model.layers.prunable import find_layers
from cortado.progress import Progress, Steps
from cortado.scoring.task import Task
from cortado.sensitivity import Curve, Row, Table
from cortado.treatments import Contents, contents_of, treatment_named

__all__ = [
    "Account",
    "StageAccount",
    "TensorAccount",
    "account_for",
    "size_change",
    "sweep_beside",
]


@dataclass(frozen=True)
class StageAccount:
    """A stage, and the bytes of the file that it would be."""

    name: str
    density: float
    value: float
    holds: bool | None
    bytes: int


@dataclass(frozen=True)
class TensorAccount:
    """A layer's weight in the file, or several tensors together.

    Attributes
    ----------
    name : str
        The layer.
    weights, nonzero, distinct : int
        Elements in all, those that are not zero, and distinct values among these.
    dense_bytes : int
        As dense values.
    positions, values, codebook : float
        Bytes in the file.
    """

    name: str
    weights: int
    nonzero: int
    distinct: int
    dense_bytes: int
    positions: float
    values: float
    codebook: float

    @property
    def contents(self) -> Contents:
        """The facts that show at which level of a treatment a layer is."""
        return Contents(self.weights, self.weights - self.nonzero, self.distinct)

    @property
    def density(self) -> float:
        """Fraction of elements that are not zero."""
        return self.nonzero / max(self.weights, 1)

    @property
    def value_bits(self) -> float:
        """Bits of the file for the value of an element that is not zero."""
        return 8 * self.values / max(self.nonzero, 1)

    @property
    def position_bits(self) -> float:
        """Bits of the file for the position of an element that is not zero."""
        return 8 * self.positions / max(self.nonzero, 1)

    @property
    def stored_bytes(self) -> float:
        """Bytes of the file."""
        return self.positions + self.values + self.codebook

    @property
    def ratio(self) -> float:
        """How many times smaller it is than its dense values."""
        return self.dense_bytes / max(self.stored_bytes, 1)


def size_change(before: int, after: int) -> str:
    """Return a change of bytes in words: ``4.7 times smaller``, or ``1.01 times larger``."""
    if after <= before:
        return f"{before / after:.1f} times smaller"
    return f"{after / before:.2f} times larger"


@dataclass(frozen=True)
class Account:
    """The figures of a compression.

    Attributes
    ----------
    stages : tuple of StageAccount
        In order.
    layers : tuple of TensorAccount
        The prunable layers of the file.
    others : TensorAccount
        All other tensors: biases, statistics.
    graph_bytes : float
        Bytes of the file that are no tensor's own.
    file_bytes, dense_bytes : int
        Of the file, and of all tensors as dense values, which is what it takes in memory.
    bound_bytes : float
        The entropy bound, see `cortado.inspect.describe`.
    curves : Table or None
        The sweep of the dense model.
    """

    stages: tuple[StageAccount, ...]
    layers: tuple[TensorAccount, ...]
    others: TensorAccount
    graph_bytes: float
    file_bytes: int
    dense_bytes: int
    bound_bytes: float
    curves: Table | None

    def reached(self, curve: Curve) -> Row | None:
        """Return the point of a swept curve where its layer is in the file, if it was swept."""
        layer = next((layer for layer in self.layers if layer.name == curve.layer), None)
        if layer is None:
            return None
        treatment, found = treatment_named(curve.treatment), layer.contents
        reached = (r for r in curve.rows if treatment.is_reached(r.level, r.zeros, found))
        return next(reached, None)

    @property
    def size_change(self) -> str:
        """The bytes of the file beside its dense values, in words."""
        return size_change(self.dense_bytes, self.file_bytes)

    @property
    def total(self) -> TensorAccount:
        """All tensors together."""
        return _sum("all", (*self.layers, self.others))


def account_for(compressed: Compressed, curves: Table | None = None) -> Steps[Account]:
    """Return the figures of a compression; `curves` are those of the dense model.

    Without them, they are those that the compression needed itself, if any.
    """
    emitted, stages = compressed.emitted, list[StageAccount]()
    for index, stage in enumerate(compressed.stages):
        yield Progress("bytes", index, len(compressed.stages))
        about = (stage.name, stage.density, stage.val.value, stage.holds, stage.bytes)
        stages.append(StageAccount(*about))
    figures = describe(compressed.model)
    layers, others = _tensors(compressed.model, emitted)
    return Account(
        stages=tuple(stages),
        layers=layers,
        others=others,
        graph_bytes=emitted.graph_bytes,
        file_bytes=len(emitted.data),
        dense_bytes=sum(tensor.dense_bytes for tensor in emitted.tensors),
        bound_bytes=figures.total.bound_bytes + figures.other_bytes,
        curves=curves or compressed.curves,
    )


def sweep_beside(compressed: Compressed, task: Task, options: CompressOptions) -> Steps[Table]:
    """Sweep the dense model on validation samples, through the levels that its layers got."""
    layers = [contents_of(layer.array) for layer in find_layers(compressed.model).prunable]
    levels = dict[str, tuple[float, ...]]()
    for treatment in map(treatment_named, options.treatments):
        reached = {treatment.level_of(found) for found in layers}
        more = sorted(level for level in reached if level is not None)
        levels[treatment.name] = (*treatment.levels, *more)
    swept = Compression.of(task, options, EFFORTS[options.effort]).swept
    return (yield from measure_curves(swept, compressed.stages[0].model, options, levels))


def _tensors(model: ir.Model, emitted: Emitted) -> tuple[tuple[TensorAccount, ...], TensorAccount]:
    """Return an account of each layer, and one of all other tensors."""
    stored = {tensor.name: tensor for tensor in emitted.tensors}
    names = {layer.key: layer.name for layer in find_layers(model).prunable}
    layers: list[TensorAccount] = []
    others: list[TensorAccount] = []
    for key, value in initializers_of(model).items():
        if key in stored and value.const_value is not None:
            found = _account(names.get(key, key), value.const_value.numpy(), stored[key])
            (layers if key in names else others).append(found)
    order = list(names.values())
    layers.sort(key=lambda layer: order.index(layer.name))
    return tuple(layers), _sum("biases and others", others)


def _account(name: str, array: np.ndarray, stored: StoredTensor) -> TensorAccount:
    nonzero = array[array != 0]
    return TensorAccount(
        name,
        array.size,
        nonzero.size,
        len(np.unique(nonzero)),
        stored.dense_bytes,
        stored.positions,
        stored.values,
        stored.codebook,
    )


def _sum(name: str, parts: Sequence[TensorAccount]) -> TensorAccount:
    return TensorAccount(
        name,
        sum(part.weights for part in parts),
        sum(part.nonzero for part in parts),
        sum(part.distinct for part in parts),
        sum(part.dense_bytes for part in parts),
        sum(part.positions for part in parts),
        sum(part.values for part in parts),
        sum(part.codebook for part in parts),
    )
