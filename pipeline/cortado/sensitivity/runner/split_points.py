"""Where the graph is cut: in front of each layer.

At a cut live all values that nodes from there on need and that are known by then. In a chain
that is what enters the layer; in a residual network the skip connection too. With the live
values V_l at the cut in front of layer l,

    part(V_l → V_m)          what lies between two cuts, a model of its own
    part(V_l, W_l → scores)  what follows, with the weight of the layer as one more input

so that all weights of a layer are tried in one session.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from cortado.data import Feed
from cortado.errors import CortadoError
from cortado.model.graph.extract import extract_piece
from cortado.model.graph.reads import constant_nodes, is_constant, needed_nodes, read_by
from cortado.model.layers.prunable import Layer, Skipped, check_finite, find_layers
from cortado.model.onnx_io import serial
from cortado.runtime import Layout, Runtime, Session
from cortado.sensitivity.runner.ort_layout import choose_layout, part_channels
from cortado.task.outputs import Scores, activation_of, main_output

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
        What lives behind the first node of the layer.
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
        How images enter it.
    scores : Scores
        The output that is scored, and what its numbers mean.
    cuts : tuple of Cut
        One a layer, in graph order.
    skipped : tuple of Skipped
        What looks like a layer and can't be swept, and why.
    layout : {"blocked", "plain"}
        In which its convolutions compute.
    runtime : Runtime
        Where its parts run.
    """

    model: ir.Model
    feed: Feed
    scores: Scores
    cuts: tuple[Cut, ...]
    skipped: tuple[Skipped, ...]
    layout: Layout
    runtime: Runtime = Runtime()

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

        Raises
        ------
        CortadoError
            If the type of an input is unknown.
        """
        values = ir.convenience.create_value_mapping(self.model.graph)
        for name in inputs:
            if values[name].dtype is None:
                raise CortadoError(f"the type of the value {name} is unknown")
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
    model: ir.Model, classes: int, head: str | None, runtime: Runtime = Runtime()
) -> Network:
    """Cut a model in front of each of its prunable layers.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    classes : int
        With `head`, to choose the output that is scored, see `main_output`.
    head : str or None
        Its name.
    runtime : Runtime
        Where the parts run.

    Raises
    ------
    CortadoError
        If no layer can be pruned, weights are not finite, or no output can be scored.
    """
    infer = ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)
    model = infer(model.clone()).model
    widths = {str(value.name): _width(value) for value in model.graph.outputs}
    scores = activation_of(model, main_output(model, widths, classes, head))
    layers = find_layers(model)
    check_finite(layers.prunable)
    constant = constant_nodes(model.graph)
    nodes = needed_nodes(model.graph, [v for v in model.graph.outputs if v.name == scores.output])
    places = {node: place for place, node in enumerate(nodes)}
    cuts, skipped = [], list(layers.skipped)
    for layer in layers.prunable:
        used = [places[node] for node in layer.nodes if node in places]
        reason = _reason(model.graph, layer, used)
        if reason:
            skipped.append(Skipped(layer.name, layer.op_type, reason))
        else:
            place = min(used)
            cuts.append(Cut(layer, *(_live(nodes, at, constant) for at in (place, place + 1))))
    layout = choose_layout(model.graph)
    return Network(model, Feed.of(model), scores, tuple(cuts), tuple(skipped), layout, runtime)


def _reason(graph: ir.Graph, layer: Layer, used: Sequence[int]) -> str:
    if layer.weight.name not in graph.initializers or any(
        n.graph is not graph for n in layer.nodes
    ):
        return "it lies in a graph inside a node"
    return "" if used else "the output that is scored does not depend on it"


def _width(value: ir.Value) -> int | None:
    shape = value.shape
    if shape is None or len(shape) < 2:
        return None
    return shape[1] if isinstance(shape[1], int) else None


def _live(nodes: Sequence[ir.Node], place: int, constant: Collection[ir.Node]) -> tuple[str, ...]:
    """Return what the nodes from `place` on need of what is known before it, and is not fixed."""
    made = {value for node in nodes[place:] for value in node.outputs}
    needed = dict.fromkeys(value for node in nodes[place:] for value in read_by(node))
    living = [v for v in needed if v not in made and not is_constant(v, constant)]
    return tuple(str(value.name) for value in living)
