"""Where the graph is cut: in front of each layer.

At a cut live all values that nodes from there on need and that are known by then, and outputs that
are known already. In a chain that is what enters the layer; in a residual network the skip
connection too. With the live values V_l at the cut in front of layer l,

    part(V_l → V_m)           what lies between two cuts, a model of its own
    part(V_l, W_l → outputs)  what follows, with the weight of the layer as one more input

so that all weights of a layer are tried in one session. A layer in a body of If, Loop or Scan has
its cut in front of that node. Where the type of a live value is unknown, the cut moves on towards
the inputs, up to a place where all are known.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from cortado.data import Feed
from cortado.model.graph.extract import extract_piece
from cortado.model.graph.reads import constant_nodes, is_constant, needed_nodes, read_by
from cortado.model.layers.prunable import Layer, Skipped, check_finite, find_layers
from cortado.model.onnx_io import serial
from cortado.runtime import Layout, Runtime, Session
from cortado.sensitivity.runner.bodies import lift_weights, outermost_nodes
from cortado.sensitivity.runner.ort_layout import choose_layout, part_channels

__all__ = ["Cut", "Network", "cut_network"]


@dataclass(frozen=True, eq=False)
class Cut:
    """The cut in front of one layer.

    Attributes
    ----------
    layer : Layer
        The layer.
    values : tuple of str
        What lives there.
    behind : tuple of str
        What lives behind the first node of the layer; nothing where the cut lies farther in front
        of it, the layer in a body, or the type of a value is unknown.
    """

    layer: Layer
    values: tuple[str, ...]
    behind: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """A model that can be cut in front of its layers.

    Attributes
    ----------
    model : onnx_ir.Model
        With shapes between its nodes.
    feed : Feed
        How samples enter it.
    outputs : tuple of str
        The outputs that are scored.
    cuts : tuple of Cut
        One a layer, in graph order.
    skipped : tuple of Skipped
        What looks like a layer and can't be swept, and why.
    layout : {"blocked", "plain"}
        In which its convolutions compute.
    runtime : Runtime
        Where its parts run.
    axes : mapping of str to (int or None)
        Output → the axis of the samples, where that is not the first.
    """

    model: ir.Model
    feed: Feed
    outputs: tuple[str, ...]
    cuts: tuple[Cut, ...]
    skipped: tuple[Skipped, ...]
    layout: Layout
    runtime: Runtime
    axes: Mapping[str, int | None] = field(default_factory=dict)

    def open_part(
        self, inputs: Sequence[str], outputs: Sequence[str], *, shapes: bool = True
    ) -> Session:
        """Open what computes `outputs` from `inputs`.

        Parameters
        ----------
        inputs, outputs : sequence of str
            Values of the graph.
        shapes : bool
            Whether they keep their shapes; if not, they may have any.
        """
        piece = extract_piece(self.model, inputs, outputs)
        for value in () if shapes else (*piece.graph.inputs, *piece.graph.outputs):
            value.shape = None
        if self.layout == "blocked":
            part_channels(piece)
        return self.runtime.open_part(serial.encode(piece), self.layout)

    def weight_bytes(self, cut: Cut) -> int:
        """Return the bytes of all float32 layers from a cut on."""
        return sum(later.layer.array.nbytes for later in self.cuts[self.cuts.index(cut) :])


def cut_network(
    model: ir.Model,
    feed: Feed,
    outputs: Sequence[str],
    runtime: Runtime,
    axes: Mapping[str, int | None] = MappingProxyType({}),
) -> Network:
    """Cut a model in front of each of its prunable layers.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    feed : Feed
        How samples enter it.
    outputs : sequence of str
        The outputs that are scored.
    runtime : Runtime
        Where the parts run.
    axes : mapping of str to (int or None)
        Output → the axis of the samples, where that is not the first.

    Raises
    ------
    CortadoError
        If weights are not finite.
    """
    infer = ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)
    model = infer(model.clone()).model
    layers = find_layers(model)
    check_finite(layers.prunable)
    lift_weights(model, layers.prunable)
    order = _Order(model.graph, outputs)
    places = {inner: order.places.get(node) for inner, node in outermost_nodes(model.graph).items()}
    cuts, skipped = [], list(layers.skipped)
    for layer in layers.prunable:
        used = [place for node in layer.nodes if (place := places.get(node)) is not None]
        if used:
            cuts.append((min(used), order.cut(layer, min(used))))
        else:
            reason = "no output that is scored depends on it"
            skipped.append(Skipped(layer.name, layer.op_type, reason))
    cuts.sort(key=lambda found: found[0])
    layout = choose_layout(model.graph)
    in_order = tuple(cut for _, cut in cuts)
    return Network(model, feed, tuple(outputs), in_order, tuple(skipped), layout, runtime, axes)


class _Order:
    """The nodes that some outputs need, in graph order, and what lives between them."""

    def __init__(self, graph: ir.Graph, outputs: Sequence[str]) -> None:
        self._graph = graph
        self._outputs = [value for value in graph.outputs if value.name in outputs]
        self._constant = constant_nodes(graph)
        self._nodes = needed_nodes(graph, self._outputs)
        self.places: Mapping[ir.Node, int] = {node: at for at, node in enumerate(self._nodes)}

    def cut(self, layer: Layer, place: int) -> Cut:
        """Return the cut in front of the layer whose first node is at a place."""
        living = self._live(place)
        if all(_is_known(value) for value in living):
            is_here = self._nodes[place] in layer.nodes
            behind = self._live(place + 1) if is_here else []
            known = behind if all(map(_is_known, behind)) else []
            return Cut(layer, _names(living), _names(known))
        while place and not all(_is_known(value) for value in living):
            place -= 1
            living = self._live(place)
        return Cut(layer, _names(living), ())

    def _live(self, place: int) -> list[ir.Value]:
        """Return what is known before a place, not fixed, and needed from there on."""
        made = {value for node in self._nodes[place:] for value in node.outputs}
        needed = dict.fromkeys(value for node in self._nodes[place:] for value in read_by(node))
        needed |= dict.fromkeys(self._outputs)
        return [v for v in needed if v not in made and not is_constant(v, self._constant)]


def _is_known(value: ir.Value) -> bool:
    """Return whether the type of a value is known, and it is a tensor."""
    return value.dtype is not None and isinstance(value.type, ir.TensorType)


def _names(values: Collection[ir.Value]) -> tuple[str, ...]:
    return tuple(str(value.name) for value in values)
