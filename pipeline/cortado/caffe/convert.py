"""A Caffe net and its blobs → a model in memory.

1. `net` reads the prototxt: which layers, connected how.
2. `heads` takes losses and metrics away, and what comes after the blobs that the user wants;
   `in_place` refuses what Caffe itself gets wrong.
3. The data layers become inputs; every other layer, in file order, becomes the nodes that its
   function in `layers` adds to the graph.

The batch size is left open ("N") unless a layer computes with it; then the walk is done again
with the prototxt's number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from cortado.caffe.aliasing import overwritten_views
from cortado.caffe.context import Context, FixedBatchError
from cortado.caffe.graph import Blob, GraphBuilder, Out, Shape
from cortado.caffe.heads import Deployed, deploy
from cortado.caffe.in_place import check_in_place
from cortado.caffe.inputs import DATA_TYPES, constants, input_shapes
from cortado.caffe.layers import converter_of, is_own
from cortado.caffe.message import Message
from cortado.caffe.net import LayerSpec, Net, read_net
from cortado.caffe.options import CaffeOptions
from cortado.caffe.parameters import Loaded, Parameters, Weights
from cortado.caffe.schema import unknown_fields
from cortado.caffe.transform import transform_of
from cortado.errors import CortadoError
from cortado.model.graph.blobs import NamedBlob, with_lost
from cortado.task.criteria import Criterion
from cortado.task.metadata import write_criteria, write_transform

__all__ = ["Imported", "import_caffe"]


@dataclass(frozen=True)
class Imported:
    """An imported model.

    Attributes
    ----------
    model : onnx_ir.Model
        The model: opset 17, float32, weights called ``<layer>.weight`` and ``<layer>.bias``,
        blobs called as in the prototxt.
    notes : tuple of str
        What the user should know, a line each: what was dropped, ignored or assumed.
    net : Net
        The net that was converted.
    loaded : tuple of Loaded
        The blobs of each layer that has some, as they came.
    blobs : tuple of NamedBlob
        The tops of the net, in file order, and where they are in the model; behind them those
        of the whole prototxt that the model does not have.
    """

    model: ir.Model
    notes: tuple[str, ...]
    net: Net
    loaded: tuple[Loaded, ...]
    blobs: tuple[NamedBlob, ...]


def import_caffe(
    prototxt: str, weights: Weights, options: CaffeOptions = CaffeOptions()
) -> Imported:
    """Return the model that a prototxt and its weights make.

    Parameters
    ----------
    prototxt : str
        The text of the prototxt; any of Caffe's three formats.
    weights : CaffeWeights or Fillers
        The blobs of a .caffemodel, or how to seed the prototxt's own fillers.
    options : CaffeOptions
        What the files leave open.

    Raises
    ------
    CortadoError
        If the net is malformed, has a layer that can't be converted exactly, or the weights
        are not its weights.
    """
    net = read_net(prototxt, options)
    deployed = deploy(net, options)
    check_in_place(deployed.net.layers)
    own = tuple(layer for layer in deployed.net.layers if is_own(layer.type))
    unknown = unknown_fields(replace(deployed.net, layers=own))
    overwritten = overwritten_views(net.layers, deployed.net.outputs)
    notes = [*unknown, *overwritten.notes, *deployed.notes]
    try:
        found = _convert(deployed, weights, options, batched=True)
    except FixedBatchError as reason:
        found = _convert(deployed, weights, options, batched=False)
        notes.append(f"the batch size is fixed, because {reason}")
    notes += _store_transform(found.model, net.message, options)
    gone = overwritten.blobs
    blobs = [
        replace(blob, overwritten=gone[blob.name].name) if blob.name in gone else blob
        for blob in found.blobs
    ]
    return replace(found, notes=(*notes, *found.notes), blobs=tuple(blobs))


def _store_transform(model: ir.Model, net: Message, options: CaffeOptions) -> list[str]:
    """Store what the prototxt states of the input transform; return what it lacks."""
    try:
        stated = transform_of(net, options)
    except CortadoError as error:  # the model is right all the same
        return [f"no input transform is stored: {error}"]
    if stated is None:
        return []
    write_transform(model, stated.transform)
    if not stated.missing:
        return []
    return [f"the input transform lacks its mean, which --input-mean can state: {stated.missing}"]


def _convert(
    deployed: Deployed, weights: Weights, options: CaffeOptions, *, batched: bool
) -> Imported:
    net = deployed.net
    graph, parameters = GraphBuilder(), Parameters(weights)
    data = [layer for layer in net.layers if layer.type in DATA_TYPES]
    fixed = constants(data, options.input_shapes)
    notes = [f"{top!r} is the constant {value:g}, no input" for top, (_, value) in fixed.items()]
    blobs = {top: _constant(graph, top, *of_top) for top, of_top in fixed.items()}
    data = [replace(x, tops=tuple(top for top in x.tops if top not in fixed)) for x in data]
    blobs.update(_inputs(data, graph, options, batched=batched))
    for layer in net.layers:
        if layer.type not in DATA_TYPES:
            bottoms = tuple(blobs[bottom] for bottom in layer.bottoms)
            context = Context(layer, bottoms, graph, parameters, notes)
            blobs.update(_tops(context))
            parameters.check_used(layer)
    parameters.check_copies(deployed.dropped)
    model = graph.finish(net.name, blobs, net.outputs)
    RemoveUnusedNodesPass()(model)  # those of which only the size was of interest
    if deployed.criteria:
        write_criteria(model, _in_graph(deployed.criteria, blobs))
    if parameters.unused() and not options.cut_at:
        notes.append(f"unused layers of the weights: {', '.join(parameters.unused())}")
    return Imported(model, tuple(notes), net, tuple(parameters.loaded), _named(net, blobs))


def _constant(graph: GraphBuilder, top: str, shape: Shape, value: float) -> Blob:
    scalar = graph.constant(f"{top}/value", np.asarray(value, np.float32))
    size = graph.constant(f"{top}/shape", np.asarray(shape, np.int64))
    (blob,) = graph.node("Expand", [scalar, size], [Out(shape)], {}, top)
    return blob


def _inputs(
    layers: list[LayerSpec], graph: GraphBuilder, options: CaffeOptions, *, batched: bool
) -> dict[str, Blob]:
    shapes = input_shapes(layers, options.input_shapes)
    batch = next(iter(shapes.values()))[:1]
    return {
        name: graph.input(name, shape, batched=batched and shape != () and shape[:1] == batch)
        for name, shape in shapes.items()
    }


def _named(net: Net, blobs: Mapping[str, Blob]) -> tuple[NamedBlob, ...]:
    makers = {
        top: "" if layer.type in DATA_TYPES else layer.name
        for layer in net.layers
        for top in layer.tops
    }
    named = [NamedBlob(top, str(blobs[top].value.name), maker) for top, maker in makers.items()]
    written = [
        NamedBlob(top, "", layer.text("name"))
        for layer in net.message.messages("layer")
        for top in layer.texts("top")
    ]
    return with_lost(named, written)


def _in_graph(criteria: Sequence[Criterion], blobs: Mapping[str, Blob]) -> list[Criterion]:
    """Return the criteria with the names that values have in the graph."""
    return [replace(each, scores=str(blobs[each.scores].value.name)) for each in criteria]


def _tops(context: Context) -> dict[str, Blob]:
    layer = context.layer
    results = converter_of(layer.type)(context)
    tops = (results,) if isinstance(results, Blob) else results
    if len(tops) != len(layer.tops):
        raise layer.refuse(f"it has {len(layer.tops)} tops instead of {len(tops)}")
    return dict(zip(layer.tops, tops, strict=True))
