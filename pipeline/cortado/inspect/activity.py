"""How many units of each layer are active on real samples.

A unit is an output of a product, or a channel of a convolution. It is active on a sample if what
it gives, behind its BatchNormalization and its activation function if it has them, is above zero
anywhere.

Layers that do not answer sample by sample have no such figures: recurrent ones, whose states come
step by step, products whose first axis is not that of the samples, and what is inside nodes such as
If. One sample is fed alone first: it tells which these are, and how many may be fed at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.data import Feed, Samples, feed_batches
from cortado.model.graph.exposed import expose
from cortado.model.graph.origins import origin_of
from cortado.model.layers.prunable import Layer, find_layers
from cortado.model.onnx_io import serial
from cortado.model.typing import BoolArray, FloatArray
from cortado.progress import Progress, Steps
from cortado.runtime import Runtime

__all__ = ["LayerActivity", "measure_activity"]

_BATCH, _BATCH_BYTES = 100, 2**27  # samples at once, at most, and what their layers give
_COUNTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_BEHIND = {"Add", "BatchNormalization", "Mul"}  # of constants: a bias, Caffe's Scale
_ACTIVATIONS = {
    *("Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu"),
    *("Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu"),
}


@dataclass(frozen=True)
class LayerActivity:
    """The active units of one layer.

    Attributes
    ----------
    name : str
        The layer.
    units : int
        Its outputs or channels.
    mean : float
        Units that are active on a sample, on average.
    least, most : int
        On the sample with the fewest, and on that with the most.
    never : int
        Units that are active on no sample.
    """

    name: str
    units: int
    mean: float
    least: int
    most: int
    never: int


def measure_activity(
    model: ir.Model, samples: Samples, runtime: Runtime = Runtime(), *, raw: bool = False
) -> Steps[tuple[LayerActivity, ...]]:
    """Return the activity of the prunable layers of the main graph, in graph order.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    samples : Samples
        Such as the model will see; their targets are not used.
    runtime : Runtime
        Where the model runs.
    raw : bool
        Feed arrays as they are, whatever transform the model stores.
    """
    layers = [layer for layer in find_layers(model).prunable if _is_counted(layer, model)]
    if not layers:
        return ()
    places = {layer.name: _place(layer) for layer in layers}
    feed = Feed.of(model, raw=raw)
    session = runtime.open(serial.encode(expose(model, list(places.values()))))
    found: dict[str, list[BoolArray]] = {layer.name: [] for layer in layers}
    alone = next(feed_batches(feed, samples, 1)).inputs
    tensors = session.run(alone)
    layers = _by_image(layers, places, tensors, feed.batch or 1)
    size = _BATCH_BYTES // max(1, sum(tensors[place].nbytes for place in places.values()))
    done = 0
    for inputs, _, indices in feed_batches(feed, samples, min(max(size, 1), _BATCH)):
        tensors = session.run(inputs)
        layers = _by_image(layers, places, tensors, feed.batch or len(indices))
        for layer in layers:
            tensor = tensors[places[layer.name]][: len(indices)]
            found[layer.name].append(_active(layer, tensor))
        done += len(indices)
        yield Progress("activity", done, len(samples))
    return tuple(_figures(x.name, np.concatenate(found[x.name])) for x in layers)


def _is_counted(layer: Layer, model: ir.Model) -> bool:
    return layer.op_type in _COUNTED and layer.nodes[0].graph is model.graph


def _by_image(
    layers: Sequence[Layer],
    places: Mapping[str, str],
    tensors: Mapping[str, FloatArray],
    count: int,
) -> list[Layer]:
    """Return the layers that give one of something for each of `count` samples."""
    given = {layer.name: tensors[places[layer.name]] for layer in layers}
    return [x for x in layers if given[x.name].ndim > 1 and len(given[x.name]) == count]


def _place(layer: Layer) -> str:
    """Return the name of the tensor that holds what a layer gives, behind its activation."""
    value = layer.nodes[0].outputs[0]
    while len(value.uses()) == 1 and not value.is_graph_output():
        (use,) = value.uses()
        others = [x for x in use.node.inputs if x is not None and x is not value]
        passing = use.node.op_type in _BEHIND and all(x.is_initializer() for x in others)
        if use.node.op_type not in _ACTIVATIONS and not passing:
            break
        value = use.node.outputs[0]
        if use.node.op_type in _ACTIVATIONS:
            break
    return str(value.name)


def _active(layer: Layer, tensor: FloatArray) -> BoolArray:
    """Return which units are active on each sample, bool of shape (n, units)."""
    axis = _unit_axis(layer, tensor.ndim)
    others = tuple(i for i in range(1, tensor.ndim) if i != axis)
    return np.asarray((tensor > 0).any(axis=others))


def _unit_axis(layer: Layer, rank: int) -> int:
    """Return which axis of what a layer gives counts its units."""
    if layer.op_type in ("Conv", "ConvTranspose"):
        return 1
    factor = layer.nodes[0].inputs[0]
    is_left = factor is not None and origin_of(factor) is layer.weight
    return rank - 2 if is_left else rank - 1


def _figures(name: str, active: BoolArray) -> LayerActivity:
    counts = active.sum(axis=1)
    never = int((~active.any(axis=0)).sum())
    units, mean = active.shape[1], float(counts.mean())
    return LayerActivity(name, units, mean, int(counts.min()), int(counts.max()), never)
