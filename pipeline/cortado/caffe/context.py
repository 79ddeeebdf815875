"""The context of a layer's conversion: its bottoms, its settings, its blobs, and the graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from cortado.caffe.graph import BATCH, Attributes, Blob, GraphBuilder, Out, Shape
from cortado.caffe.message import Message
from cortado.caffe.net import PHASES, LayerSpec
from cortado.caffe.parameters import BlobSpec, Parameter, Parameters
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["Context", "FixedBatchError"]


class FixedBatchError(Exception):
    """The net computes with its batch size, which therefore can't be left open."""


@dataclass(frozen=True)
class Context:
    """One layer of the net, about to become nodes of the graph.

    Attributes
    ----------
    layer : LayerSpec
        The layer.
    bottoms : tuple of Blob
        What it reads.
    """

    layer: LayerSpec
    bottoms: tuple[Blob, ...]
    _graph: GraphBuilder
    _parameters: Parameters
    _notes: list[str]

    @property
    def bottom(self) -> Blob:
        """The only bottom of a layer that has one."""
        self.need_bottoms(1)
        return self.bottoms[0]

    def need_bottoms(self, *counts: int) -> None:
        """Demand that the layer have as many bottoms as one of these counts."""
        if len(self.bottoms) not in counts:
            wanted = " or ".join(map(str, counts))
            raise self.refuse(f"it has {len(self.bottoms)} bottoms instead of {wanted}")

    @property
    def phase(self) -> str:
        """The layer's phase: a net is imported for ``TEST``, but a layer may say otherwise."""
        return self.layer.message.choice("phase", PHASES, "TEST")

    def settings(self, name: str) -> Message:
        """Return the layer's message `name`, such as ``pooling_param``."""
        return self.layer.message.message(name)

    def needed(self, param: Message, name: str) -> int:
        """Return a positive integer that the layer's settings must state."""
        if not param.has(name):
            raise self.refuse(f"it has no {name}")
        return param.integer(name, 0, minimum=1)

    def refuse(self, reason: str) -> CortadoError:
        """Return the error that names this layer."""
        return self.layer.refuse(reason)

    def unsupported(self, reason: str) -> CortadoError:
        """Return the error of a layer that can't be converted; it describes it, and the ways on."""
        pairs = zip(self.layer.bottoms, self.bottoms, strict=True)
        reads = ", ".join(f"{name} {list(blob.shape)}" for name, blob in pairs)
        shapes = ", ".join(str(list(shape)) for shape in self.shapes())
        return self.refuse(
            f"{reason}; it reads {reads or 'nothing'} and has {shapes or 'no blobs'}; "
            "leave it out with --cut-at BLOB, or convert it with --layers MODULE"
        )

    def note(self, text: str) -> None:
        """Add a message about this layer."""
        self._notes.append(f"layer {self.layer.name!r} ({self.layer.type}): {text}")

    def fix_batch(self, blob: Blob, why: str) -> None:
        """Demand that the batch size be fixed, if it is open and `blob` has it."""
        if blob.symbol == BATCH:
            raise FixedBatchError(f"layer {self.layer.name!r} ({self.layer.type}) {why}")
        if blob.batched:
            raise self.refuse(f"it {why}, the size of which only a run tells, after a Filter")

    def agree(self, blobs: Sequence[Blob]) -> None:
        """Demand that either all blobs have an open batch, or none."""
        if not all(blob.batched for blob in blobs):
            for blob in blobs:
                self.fix_batch(blob, "has bottoms of a fixed batch size")

    def axis(self, axis: int, rank: int) -> int:
        """Return an axis counted from the front; a negative one counts from the end."""
        if not -rank <= axis < rank:
            raise self.refuse(f"axis {axis} does not exist in a blob of {rank} dimensions")
        return axis % rank

    def node(
        self,
        op: str,
        inputs: Sequence[Blob],
        out: Shape | Out,
        attributes: Attributes | None = None,
        part: str = "",
    ) -> Blob:
        """Add a node with one output.

        Parameters
        ----------
        op : str
            The ONNX operator.
        inputs : sequence of Blob
            What it reads.
        out : tuple of int, or Out
            The shape of its output, for the batch size of the prototxt.
        attributes : mapping, optional
            Its attributes.
        part : str
            Which part of the layer it is; the main one is nameless and bears the layer's name.
        """
        return self.nodes(op, inputs, [out], attributes, part)[0]

    def nodes(
        self,
        op: str,
        inputs: Sequence[Blob],
        outs: Sequence[Shape | Out],
        attributes: Attributes | None = None,
        part: str = "",
    ) -> tuple[Blob, ...]:
        """Add a node with several outputs; otherwise as `node`."""
        full = [out if isinstance(out, Out) else Out(out) for out in outs]
        return self._graph.node(op, inputs, full, attributes or {}, self._name(part))

    def cast(self, blob: Blob, dtype: ir.DataType, part: str = "") -> Blob:
        """Add a Cast; floats are truncated, as in C."""
        return self.node("Cast", [blob], Out(blob.shape, dtype), {"to": dtype.value}, part)

    def unary(self, op: str, attributes: Attributes | None = None) -> Blob:
        """Add the node of a layer that maps each value of its bottom by itself."""
        return self.node(op, [self.bottom], self.bottom.shape, attributes)

    def constant(self, array: Array, part: str) -> Blob:
        """Add a constant that is no parameter of the layer."""
        return self._graph.constant(self._name(part), array)

    def scalar(self, value: float, part: str) -> Blob:
        """Add a constant float32 of shape (); what is too large for it is infinite, as in Caffe."""
        with np.errstate(over="ignore"):
            return self.constant(np.asarray(value, np.float32), part)

    def integers(self, values: Sequence[int], part: str) -> Blob:
        """Add a constant vector of int64."""
        return self.constant(np.asarray(values, np.int64), part)

    def reshape(self, blob: Blob, shape: Shape, part: str = "") -> Blob:
        """Add a Reshape, unless the blob has the shape; a batch must stay in front.

        The caller sees to it (by `fix_batch`) that the first dimension of a batched blob keeps
        its meaning.
        """
        if blob.shape == shape:
            return blob
        target = (0, *shape[1:]) if blob.batched else shape  # 0 copies the dimension
        constant = self.integers(target, f"{part or 'reshape'}/shape")
        return self.node("Reshape", [blob, constant], shape, part=part)

    def slice(
        self,
        blob: Blob,
        starts: Sequence[int],
        ends: Sequence[int],
        axes: Sequence[int],
        part: str = "",
    ) -> Blob:
        """Add a Slice with step 1 along some axes, counted from the front."""
        sizes = dict(zip(axes, (e - s for s, e in zip(starts, ends, strict=True)), strict=True))
        shape = tuple(sizes.get(axis, size) for axis, size in enumerate(blob.shape))
        bounds = {"starts": starts, "ends": ends, "axes": axes}
        numbers = [self.integers(values, name) for name, values in bounds.items()]
        return self.node("Slice", [blob, *numbers], shape, part=part)

    def shapes(self) -> tuple[Shape, ...]:
        """Return the shapes of the blobs that the weights have for this layer."""
        return self._parameters.shapes(self.layer)

    def stored(self) -> int | None:
        """Return how many blobs the weights have for this layer; None where there are none."""
        return self._parameters.stored(self.layer)

    def load(self, *specs: BlobSpec) -> tuple[Parameter, ...]:
        """Return the layer's blobs, of exactly these shapes."""
        for spec in specs:
            if prod(spec.shape) > 2**31 - 1:
                raise self.refuse(f"its {spec.role} would have the shape {list(spec.shape)}")
        return self._parameters.load(self.layer, specs)

    def initializer(self, parameter: Parameter, shape: Shape | None = None) -> Blob:
        """Add a blob of the layer as an initializer, perhaps in another shape."""
        array = parameter.array if shape is None else parameter.array.reshape(shape)
        return self._graph.initializer(parameter.name, array)

    def _name(self, part: str) -> str:
        name = self.layer.name or self.layer.type
        return f"{name}/{part}" if part else name
