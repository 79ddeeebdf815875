"""|w| of a layer as a raster that fits into a picture; numpy bins it, however large it is.

    layer                                  raster
    fully connected, first on images       the pixels; Σ |w| over the outputs
    convolution with few input channels    its kernels side by side; mean |w| over the channels
    convolution of moderate size           outputs down, inputs across, each a kernel
    any other convolution                  outputs down, inputs across, mean |w| of each kernel
    fully connected                        outputs down, inputs across

A raster that is larger than the picture holds means of blocks.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from cortado.model.layers.prunable import Layer
from cortado.model.typing import FloatArray

__all__ = ["Heatmap", "image_of", "make_heatmap"]

_LARGEST = 300  # cells of an axis
_FEW_CHANNELS = 4
_CONVOLUTIONS = {"Conv", "ConvTranspose"}
_FLATTENING = {"Flatten", "Identity", "Reshape"}


@dataclass(frozen=True)
class Heatmap:
    """A raster and how to label it.

    Attributes
    ----------
    cells : array of shape (rows, columns), float64
        NaN between kernels.
    caption, down, across : str
        What it shows, and what its axes count.
    size : (float, float)
        What the axes span, in their own units: (rows, columns).
    square : bool
        Whether cells are drawn as squares, as pixels and kernels are.
    """

    cells: FloatArray
    caption: str
    down: str
    across: str
    size: tuple[float, float]
    square: bool = False


def make_heatmap(layer: Layer, image: tuple[int, ...] | None) -> Heatmap:
    """Return the heat map of a layer.

    Parameters
    ----------
    layer : Layer
        Any prunable layer.
    image : tuple of int or None
        The shape of an image, (channels, height, width), if they enter this layer unchanged.
    """
    weights = np.abs(layer.array.astype(np.float64))
    if layer.op_type in _CONVOLUTIONS and weights.ndim > 2:
        return _kernels(layer, weights.reshape(*weights.shape[:2], -1, weights.shape[-1]))
    matrix = weights.reshape(-1, weights.shape[-1])
    matrix = matrix if _is_outputs_first(layer) else matrix.T
    if image is not None and len(image) == 3 and math.prod(image) == matrix.shape[1]:
        pixels = matrix.sum(axis=0).reshape(image)
        side_by_side = np.concatenate(list(pixels), axis=1)  # channels across
        heat = _binned(side_by_side, "Σ |w| from each pixel", "y", "x")
        return replace(heat, square=True)
    return _binned(matrix, "|w|", "output", "input")


def image_of(layer: Layer) -> tuple[int, ...] | None:
    """Return the shape of the images that enter a layer flattened; None if it is not the first."""
    sources = [value for value in layer.nodes[0].inputs if value not in (layer.weight, None)]
    value = sources[0] if sources else None
    while value is not None and (node := value.producer()) and node.op_type in _FLATTENING:
        value = node.inputs[0]
    if value is None or not value.is_graph_input() or value.shape is None:
        return None
    sizes = tuple(size for size in value.shape[1:] if isinstance(size, int))
    return sizes if len(sizes) == len(value.shape) - 1 else None


def _kernels(layer: Layer, weights: FloatArray) -> Heatmap:
    """Return the heat map of kernels (a, b, h, w), outputs first except for ConvTranspose."""
    if layer.axes.output == 1:
        weights = weights.swapaxes(0, 1)
    outputs, inputs, height, width = weights.shape
    if inputs <= _FEW_CHANNELS:
        columns = math.ceil(math.sqrt(outputs * height / width))
        rows = math.ceil(outputs / columns)
        tiles = np.full((rows * columns, height, width), np.nan)
        tiles[:outputs] = weights.mean(axis=1)
        cells = _tiled(tiles.reshape(rows, columns, height, width))
        if max(cells.shape) <= _LARGEST:
            caption = "mean |w| of each kernel" if inputs > 1 else "|w| of each kernel"
            return Heatmap(cells, caption, "", "", cells.shape, square=True)
    if max(outputs * (height + 1), inputs * (width + 1)) <= _LARGEST:
        size = (outputs, inputs)
        return Heatmap(_tiled(weights), "|w|", "output", "input", size, square=height == width)
    means = weights.mean(axis=(2, 3))
    return _binned(means, "mean |w| of each kernel", "output", "input")


def _tiled(tiles: FloatArray) -> FloatArray:
    """Return tiles (rows, columns, h, w) as one raster, with an empty line between them."""
    framed = np.pad(tiles, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    rows, columns, height, width = framed.shape
    return framed.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)[:-1, :-1]


def _binned(matrix: FloatArray, caption: str, down: str, across: str) -> Heatmap:
    """Return a matrix with a limited number of cells on each axis: means of blocks."""
    size = matrix.shape
    for axis in (0, 1):
        count = matrix.shape[axis]
        if count > _LARGEST:
            starts = np.arange(_LARGEST) * count // _LARGEST
            sums = np.add.reduceat(matrix, starts, axis=axis)
            lengths = np.diff(np.append(starts, count))
            matrix = sums / np.expand_dims(lengths, 1 - axis)
    if matrix.shape != size and not caption.startswith(("mean", "Σ")):
        caption = f"mean {caption} of blocks"
    return Heatmap(matrix, caption, down, across, size)


def _is_outputs_first(layer: Layer) -> bool:
    """Return whether the last axis of a product's weight is that of its inputs."""
    last, axes = layer.array.ndim - 1, layer.axes
    return axes.input == last if axes.input is not None else axes.output != last
