"""How many units of each layer are active on real images.

A unit is an output of a product, or a channel of a convolution. It is active on an image if what
it gives, behind its BatchNormalization and its activation function if it has them, is above zero
anywhere.

Layers that do not answer image by image have no such figures: recurrent ones, whose states come
step by step, and products whose first axis is not that of the images. One image is fed alone first:
it tells which these are, and how many may be fed at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.data import Feed, Samples, feed_batches
from cortado.model.graph.exposed import expose
from cortado.model.layers.prunable import Layer, find_layers
from cortado.model.onnx_io import serial
from cortado.model.typing import BoolArray, FloatArray
from cortado.progress import Progress, Steps
from cortado.runtime import Runtime

__all__ = ["LayerActivity", "measure_activity"]

_BATCH, _BATCH_BYTES = 100, 2**27  # images at once, at most, and what their layers give
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
        Units that are active on an image, on average.
    least, most : int
        On the image with the fewest, and on that with the most.
    never : int
        Units that are active on no image.
    """

    name: str
    units: int
    mean: float
    least: int
    most: int
    never: int


def measure_activity(
    model: ir.Model, samples: Samples, runtime: Runtime = Runtime()
) -> Steps[tuple[LayerActivity, ...]]:
    """Return the activity of the prunable layers of the main graph, in graph order.

    Parameters
    ----------
    model : onnx_ir.Model
        With one image input.
    samples : Samples
        Images such as the model will see; their labels are not used.
    runtime : Runtime
        Where the model runs.
    """
    layers = [layer for layer in find_layers(model).prunable if _is_counted(layer, model)]
    places = {layer.name: _place(layer) for layer in layers}
    feed = Feed.of(model)
    session = runtime.open(serial.encode(expose(model, list(places.values()))))
    found: dict[str, list[BoolArray]] = {layer.name: [] for layer in layers}
    alone = next(feed_batches(feed, samples, 1)).inputs
    tensors = session.run(alone)
    layers = _by_image(layers, places, tensors, feed.batch or 1)
    size = _BATCH_BYTES // sum(tensor.nbytes for tensor in tensors.values())
    for inputs, _, indices in feed_batches(feed, samples, min(max(size, 1), _BATCH)):
        tensors = session.run(inputs)
        layers = _by_image(layers, places, tensors, feed.batch or len(indices))
        for layer in layers:
            tensor = tensors[places[layer.name]][: len(indices)]
            found[layer.name].append(_active(layer, tensor))
        yield Progress("activity", int(indices[-1]) + 1, len(samples))
    return tuple(_figures(x.name, np.concatenate(found[x.name])) for x in layers)


def _is_counted(layer: Layer, model: ir.Model) -> bool:
    return layer.op_type in _COUNTED and layer.nodes[0].graph is model.graph


def _by_image(
    layers: Sequence[Layer],
    places: Mapping[str, str],
    tensors: Mapping[str, FloatArray],
    count: int,
) -> list[Layer]:
    """Return the layers that give one of something for each of `count` images."""
    return [layer for layer in layers if tensors[places[layer.name]].shape[:1] == (count,)]


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
    """Return which units are active on each image, bool of shape (n, units)."""
    channels_first = layer.op_type in ("Conv", "ConvTranspose")
    axis = 1 if channels_first else tensor.ndim - 1
    others = tuple(i for i in range(1, tensor.ndim) if i != axis)
    return np.asarray((tensor > 0).any(axis=others))


def _figures(name: str, active: BoolArray) -> LayerActivity:
    counts = active.sum(axis=1)
    never = int((~active.any(axis=0)).sum())
    units, mean = active.shape[1], float(counts.mean())
    return LayerActivity(name, units, mean, int(counts.min()), int(counts.max()), never)
